package org.tune4j.cli;

import java.util.Collection;
import java.util.List;
import org.tune4j.config.Nearest;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** Words picocli's errors in one line. */
final class UsageText {
  private UsageText() {}

  static String of(CommandLine.ParameterException e) {
    CommandSpec spec = e.getCommandLine().getCommandSpec();
    if (e instanceof CommandLine.UnmatchedArgumentException u && !u.getUnmatched().isEmpty()) {
      return unmatched(u.getUnmatched().get(0), spec);
    }
    if (e instanceof CommandLine.MissingParameterException m && !m.getMissing().isEmpty()) {
      List<String> missing = m.getMissing().stream().map(UsageText::label).toList();
      return spec.qualifiedName(" ") + " needs " + String.join(" and ", missing);
    }
    return String.valueOf(e.getMessage()).replaceAll("\\s*[\\r\\n]+\\s*", " ");
  }

  private static String unmatched(String argument, CommandSpec spec) {
    if (argument.startsWith("-")) {
      String name = argument.replaceFirst("=.*", "");
      Collection<String> options = spec.optionsMap().keySet();
      return "option '%s' is not known%s".formatted(name, Nearest.hint(name, options));
    }
    Collection<String> commands = spec.subcommands().keySet();
    return commands.isEmpty()
        ? "argument '%s' is unexpected".formatted(argument)
        : "command '%s' is not known%s; there are %s"
            .formatted(argument, Nearest.hint(argument, commands), String.join(", ", commands));
  }

  private static String label(ArgSpec a) {
    return a instanceof OptionSpec o ? o.longestName() + " " + o.paramLabel() : a.paramLabel();
  }
}
