package org.tune4j.cli.data;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code tune data}. */
@Command(
    name = "data",
    description = "Inspects a config's data.",
    synopsisSubcommandLabel = "COMMAND",
    subcommands = DataInspectCommand.class)
public final class DataCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @SuppressWarnings("NullAway.Init") // picocli sets the field
  DataCommand() {}

  @Override
  public Integer call() {
    spec.commandLine().usage(spec.commandLine().getErr());
    return 2;
  }
}
