package org.tune4j.jinja;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A template's function.
 *
 * @param parameters names in order, with what stands where an argument is not given
 * @param home where it was defined
 */
record Macro(
    String name, Map<String, @Nullable Expression> parameters, List<Statement> body, Frame home) {
  Object call(List<Object> arguments, Map<String, Object> named, int callerDepth) {
    Frame frame = home.call(callerDepth);
    if (arguments.size() > parameters.size()) {
      throw new TemplateException(
          "macro '%s' takes no more than %d arguments".formatted(name, parameters.size()));
    }
    int i = 0;
    for (Map.Entry<String, @Nullable Expression> p : parameters.entrySet()) {
      Expression fallback = p.getValue();
      Object value = i < arguments.size() ? arguments.get(i) : named.get(p.getKey());
      if (value == null) {
        value = fallback != null ? fallback.evaluate(frame) : Undefined.name(p.getKey());
      }
      frame.set(p.getKey(), value);
      i++;
    }
    for (Map.Entry<String, Object> n : named.entrySet()) {
      if (n.getKey().equals("caller")) {
        frame.set("caller", n.getValue());
      } else if (!parameters.containsKey(n.getKey())) {
        throw new TemplateException(
            "macro '%s' takes no argument '%s'".formatted(name, n.getKey()));
      }
    }
    Output out = new Output();
    Statement.runAll(body, frame, out);
    return out.toString();
  }
}
