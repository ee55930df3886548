package org.tune4j.jinja;

/**
 * What a name or attribute that is not there gives: false, empty, and an error when it is used.
 *
 * @param what as in {@code 'tools' is undefined}
 */
record Undefined(String what) {
  static Undefined name(String name) {
    return new Undefined("'" + name + "' is undefined");
  }

  static Undefined attribute(Object of, Object name) {
    return new Undefined(
        "'%s object' has no attribute '%s'".formatted(Values.typeName(of), Values.text(name)));
  }
}
