package org.tune4j.component;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * The value, written as in YAML, that a parameter of a {@link Component} takes where the config is
 * silent.
 */
@Documented
@Retention(RetentionPolicy.RUNTIME)
@Target({ElementType.PARAMETER, ElementType.RECORD_COMPONENT})
public @interface Default {
  /** {@return the value as a config has it, such as {@code 1e-3} or {@code [q_proj, v_proj]}} */
  String value();
}
