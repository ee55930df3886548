package org.tune4j.component;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Marks a parameter of a {@link Component} that is no key of a config: the program gives the value,
 * by the parameter's type.
 *
 * <pre>{@code
 * @Component("auto_model")
 * public static ModelSpec of(@Provided Families families, int maxSeqLen) { ... }
 * }</pre>
 */
@Documented
@Retention(RetentionPolicy.RUNTIME)
@Target({ElementType.PARAMETER, ElementType.RECORD_COMPONENT})
public @interface Provided {}
