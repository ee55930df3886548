package org.tune4j.jinja;

import java.util.AbstractList;
import java.util.List;

/** Arguments of a call: one that is missing is the template's mistake. */
final class Given extends AbstractList<Object> {
  private final List<Object> arguments;

  Given(List<Object> arguments) {
    this.arguments = arguments;
  }

  @Override
  public Object get(int i) {
    if (i >= arguments.size()) {
      throw new TemplateException(
          "a call has %d arguments, expected %d or more".formatted(arguments.size(), i + 1));
    }
    return arguments.get(i);
  }

  @Override
  public int size() {
    return arguments.size();
  }
}
