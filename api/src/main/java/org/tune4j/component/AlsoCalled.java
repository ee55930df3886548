package org.tune4j.component;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * What other trainers call a key or an enum's value. A key of such a name is refused, and the
 * message names the parameter; a value of such a name is accepted.
 */
@Documented
@Retention(RetentionPolicy.RUNTIME)
@Target({ElementType.PARAMETER, ElementType.RECORD_COMPONENT, ElementType.FIELD})
public @interface AlsoCalled {
  /** {@return the other names, such as {@code r} and {@code rank}} */
  String[] value();
}
