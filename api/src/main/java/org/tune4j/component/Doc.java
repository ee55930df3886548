package org.tune4j.component;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * One sentence about a parameter of a {@link Component}, for the configuration reference and error
 * messages.
 */
@Documented
@Retention(RetentionPolicy.RUNTIME)
@Target({ElementType.PARAMETER, ElementType.RECORD_COMPONENT})
public @interface Doc {
  /** How the sentence begins of a key that is there for torchtune's configs and changes nothing. */
  String NO_EFFECT = "accepted for torchtune's configs";

  /** {@return the sentence, without a capital and without a full stop} */
  String value();
}
