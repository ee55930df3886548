package org.tune4j.jinja;

/** What a template computes: in a tag, or to be printed. */
@FunctionalInterface
interface Expression {
  Object evaluate(Frame frame);
}
