package org.tune4j.component;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Marks a parameter of a {@link Component} whose type is a record, the components of which are keys
 * of the same section. So recipes share groups of keys, with their defaults and their checks:
 *
 * <pre>{@code
 * public MyRecipe(Path outputDir, @Inline Schedule schedule) { ... }
 *
 * public record Schedule(@Default("1") int epochs, @Default("2") int batchSize) { ... }
 * }</pre>
 */
@Documented
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.PARAMETER)
public @interface Inline {}
