package org.tune4j.cli;

import jakarta.inject.Inject;
import java.util.concurrent.Callable;
import org.tune4j.config.ShippedConfigs;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

@Command(name = "cat", description = "Prints a config.")
final class CatCommand implements Callable<Integer> {
  @Parameters(paramLabel = "NAME_OR_FILE", description = "A shipped config or a YAML file.")
  private String config;

  private final Terminal terminal;

  @Inject
  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  CatCommand(Terminal terminal) {
    this.terminal = terminal;
  }

  @Override
  public Integer call() {
    terminal.out().print(ShippedConfigs.text(config));
    return 0;
  }
}
