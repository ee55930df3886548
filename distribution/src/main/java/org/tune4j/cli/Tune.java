package org.tune4j.cli;

import com.google.inject.Provider;
import jakarta.inject.Inject;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.tune4j.ConfigException;
import org.tune4j.EnvironmentException;
import org.tune4j.TuneException;
import org.tune4j.UsageException;
import org.tune4j.config.Binder;
import org.tune4j.config.ComponentRegistry;
import org.tune4j.config.Config;
import org.tune4j.config.ShippedConfigs;
import org.tune4j.recipe.Recipe;
import org.tune4j.recipe.RunContext;
import org.tune4j.spi.Availability;
import org.tune4j.spi.BackendProvider;
import org.tune4j.spi.Backends;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The {@code tune} command. */
@Command(
    name = "tune",
    description = "LoRA fine-tuning of language models on the JVM.",
    mixinStandardHelpOptions = true,
    version = "Tune4J 0.1.0-SNAPSHOT",
    synopsisSubcommandLabel = "COMMAND",
    footerHeading = "%nExamples:%n",
    footer = {
      "  tune ls",
      "  tune cat smollm2/135M_lora_single_device",
      "  tune run lora_finetune_single_device --config smollm2/135M_lora_single_device \\",
      "      checkpointer.checkpoint_dir=DIR dataset.data_files=rows.json lora_rank=16",
      "  tune backends"
    })
public final class Tune {
  private final Provider<Backends> backends;
  private final Provider<ComponentRegistry> components;

  @Option(
      names = "--stacktrace",
      scope = CommandLine.ScopeType.INHERIT,
      description = "Show where an error comes from.")
  private boolean stacktrace;

  private PrintStream out = System.out;

  /** Providers, so that help loads neither backends nor components. */
  @Inject
  public Tune(Provider<Backends> backends, Provider<ComponentRegistry> components) {
    this.backends = backends;
    this.components = components;
  }

  /**
   * Runs a command line.
   *
   * @return 0, 1 for a run that failed, 2 for a command line or config that is wrong
   */
  public int execute(String[] args, PrintStream to, PrintStream errors) {
    this.out = to;
    CommandLine line = new CommandLine(this);
    line.setOut(new PrintWriter(to, true, StandardCharsets.UTF_8));
    line.setErr(new PrintWriter(errors, true, StandardCharsets.UTF_8));
    line.setExecutionExceptionHandler((e, command, parsed) -> report(e, errors));
    line.setParameterExceptionHandler(
        (e, wrong) -> {
          errors.println("tune: " + e.getMessage() + "; see tune --help");
          return 2;
        });
    if (args.length == 0) {
      line.usage(to);
      return 2;
    }
    return line.execute(args);
  }

  private int report(Exception e, PrintStream errors) {
    if (stacktrace) {
      e.printStackTrace(errors);
    }
    if (e instanceof ConfigException config) {
      config.problems().forEach(errors::println);
      return config.exitCode();
    }
    if (e instanceof TuneException known) {
      errors.println("tune: " + known.getMessage());
      return known.exitCode();
    }
    errors.println(
        "tune: internal error: %s; run again with --stacktrace and report it".formatted(e));
    return 1;
  }

  @Command(description = "Run a recipe.", mixinStandardHelpOptions = true)
  int run(
      @Parameters(
              index = "0",
              paramLabel = "RECIPE",
              description = "Its name, as tune ls prints it.")
          String recipe,
      @Option(
              names = "--config",
              required = true,
              paramLabel = "NAME_OR_FILE",
              description = "A shipped config or a YAML file.")
          String config,
      @Option(
              names = {"--nnodes", "--nproc_per_node"},
              paramLabel = "N",
              description = "1; more is not supported yet.")
          List<Integer> processes,
      @Parameters(
              index = "1..*",
              arity = "0..*",
              paramLabel = "KEY=VALUE",
              description = "Overrides; ~KEY deletes.")
          List<String> overrides) {
    if (processes != null && processes.stream().anyMatch(n -> n != 1)) {
      throw new UsageException(
          "more than one process is not supported yet; leave --nnodes and --nproc_per_node at 1");
    }
    Config resolved = resolve(config, overrides);
    Recipe built = Binder.bind(components.get(), Recipe.class, recipe, resolved);
    built.run(
        new RunContext(
            backends.get(), resolved.toYaml(), out, Boolean.getBoolean("tune4j.terminal")));
    return 0;
  }

  private static Config resolve(String config, List<String> overrides) {
    return ShippedConfigs.read(config).with(overrides == null ? List.of() : overrides);
  }

  @Command(description = "Check a config without running it.", mixinStandardHelpOptions = true)
  int validate(
      @Parameters(index = "0", paramLabel = "NAME_OR_FILE") String config,
      @Option(
              names = "--recipe",
              defaultValue = "lora_finetune_single_device",
              paramLabel = "RECIPE")
          String recipe,
      @Parameters(index = "1..*", arity = "0..*", paramLabel = "KEY=VALUE")
          List<String> overrides) {
    Binder.bind(components.get(), Recipe.class, recipe, resolve(config, overrides));
    out.println(config + " is well-formed");
    return 0;
  }

  @Command(description = "List recipes and shipped configs.", mixinStandardHelpOptions = true)
  int ls() {
    out.println("RECIPE");
    components.get().names(Recipe.class).forEach(n -> out.println("  " + n));
    out.println("CONFIG");
    ShippedConfigs.names().forEach(n -> out.println("  " + n));
    return 0;
  }

  @Command(description = "Print a config.", mixinStandardHelpOptions = true)
  int cat(@Parameters(index = "0", paramLabel = "NAME") String config) {
    out.print(ShippedConfigs.text(config));
    return 0;
  }

  @Command(description = "Copy a shipped config to change it.", mixinStandardHelpOptions = true)
  int cp(
      @Parameters(index = "0", paramLabel = "NAME") String config,
      @Parameters(index = "1", paramLabel = "FILE") Path file,
      @Option(names = "--force", description = "Overwrite.") boolean force) {
    String text = ShippedConfigs.text(config);
    if (Files.exists(file) && !force) {
      throw new UsageException("%s is already there; add --force to overwrite it".formatted(file));
    }
    try {
      Files.writeString(file, text);
    } catch (IOException e) {
      throw new EnvironmentException(
          "%s cannot be written: %s; choose another place".formatted(file, e), e);
    }
    out.println("copied to " + file);
    return 0;
  }

  @Command(
      description = "List backends, and why one is not available.",
      mixinStandardHelpOptions = true)
  int backends() {
    List<List<String>> rows = new ArrayList<>();
    rows.add(List.of("NAME", "VERSION", "AVAILABLE", "DEVICES", "DTYPES", "CAPABILITIES"));
    for (BackendProvider p : backends.get().providers()) {
      Availability a = p.availability();
      rows.add(
          List.of(
              p.name(),
              p.version(),
              a.available() ? "yes" : "no: " + a.reason(),
              join(a.devices()),
              join(p.dtypes()),
              join(p.capabilities())));
    }
    int[] widths = new int[6];
    rows.forEach(r -> java.util.Arrays.setAll(widths, i -> Math.max(widths[i], r.get(i).length())));
    for (List<String> r : rows) {
      StringBuilder line = new StringBuilder();
      for (int i = 0; i < widths.length; i++) {
        line.append(r.get(i)).append(" ".repeat(widths[i] - r.get(i).length() + 2));
      }
      out.println(line.toString().stripTrailing());
    }
    return 0;
  }

  private static String join(java.util.Collection<?> values) {
    return String.join(", ", values.stream().map(Object::toString).sorted().toList());
  }
}
