package org.tune4j.cli.config;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code tune new}. */
@Command(
    name = "new",
    description = "Generates a project to start from.",
    synopsisSubcommandLabel = "COMMAND",
    subcommands = NewRecipeCommand.class)
public final class NewCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @SuppressWarnings("NullAway.Init") // picocli sets the field
  NewCommand() {}

  @Override
  public Integer call() {
    spec.commandLine().usage(spec.commandLine().getErr());
    return 2;
  }
}
