package org.tune4j.cli.config;

import jakarta.inject.Inject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tune4j.cli.terminal.Terminal;
import org.tune4j.config.ShippedConfigs;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code tune cp}. */
@Command(name = "cp", description = "Copies a config for editing.", sortOptions = false)
public final class CpCommand implements Callable<Integer> {
  @Parameters(index = "0", paramLabel = "NAME", description = "A config that `tune ls` lists.")
  private String name;

  @Parameters(
      index = "1",
      arity = "0..1",
      paramLabel = "DEST",
      description = "The target file or folder (default: the config's name, here).")
  private @Nullable Path destination;

  @Option(names = "--force", description = "Replaces an existing file.")
  private boolean force;

  @Option(names = "--make-parents", description = "Creates missing folders.")
  private boolean makeParents;

  private final Terminal terminal;

  @Inject
  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  CpCommand(Terminal terminal) {
    this.terminal = terminal;
  }

  @Override
  public Integer call() {
    String text = ShippedConfigs.text(name);
    Path file = file();
    NewFile.write(file, text, force, makeParents);
    terminal.out().println("copied " + name + " to " + file);
    return 0;
  }

  private Path file() {
    String last = name.substring(name.lastIndexOf('/') + 1);
    String fileName = last.endsWith(".yaml") ? last : last + ".yaml";
    if (destination == null) {
      return Path.of(fileName);
    }
    if (Files.isDirectory(destination)) {
      return destination.resolve(fileName);
    }
    String given = destination.toString();
    return given.endsWith(".yaml") || given.endsWith(".yml")
        ? destination
        : Path.of(given + ".yaml");
  }
}
