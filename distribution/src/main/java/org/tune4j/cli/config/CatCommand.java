package org.tune4j.cli.config;

import jakarta.inject.Inject;
import java.util.concurrent.Callable;
import org.tune4j.cli.terminal.Terminal;
import org.tune4j.config.ShippedConfigs;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code tune cat}. */
@Command(name = "cat", description = "Prints a config.")
public final class CatCommand implements Callable<Integer> {
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
