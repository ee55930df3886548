package org.tune4j.component;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Marks a public constructor or public static factory method that a config builds by name, or a
 * public method of one of {@link ComponentProvider#objects}:
 *
 * <pre>{@code
 * optimizer:
 *   _component_: adamw
 *   lr: 3e-4
 * }</pre>
 *
 * <p>The parameters are the accepted keys, {@code camelCase} here and {@code snake_case} in the
 * config. A parameter's type says what is accepted: {@code int}, {@code long}, {@code double},
 * {@code boolean}, {@code String}, {@code Path}, an enum (by its lower-case name), {@code List<T>}
 * of these, {@code Map<String, String>}, {@code Object} (anything, as texts, lists and maps), or
 * another component's type: a nested section with a {@code _component_}, or its name alone where it
 * needs no arguments; a section without one means the component that is called as the type. A
 * parameter is required unless it carries {@link Default} or is {@code @Nullable}.
 */
@Documented
@Retention(RetentionPolicy.RUNTIME)
@Target({ElementType.CONSTRUCTOR, ElementType.METHOD})
public @interface Component {
  /**
   * {@return the short name, as in {@code lora_llama2_7b}; of an object's method with {@code *} for
   * the object's, as in {@code lora_*}}
   */
  String value();

  /** {@return other accepted names, such as torchtune's dotted one} */
  String[] aliases() default {};
}
