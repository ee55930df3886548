package org.tune4j.cli;

import jakarta.inject.Inject;
import jakarta.inject.Provider;
import java.util.Collection;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.tune4j.cli.config.PluginOptions;
import org.tune4j.cli.terminal.Table;
import org.tune4j.cli.terminal.Terminal;
import org.tune4j.platform.Processor;
import org.tune4j.spi.Availability;
import org.tune4j.spi.BackendProvider;
import org.tune4j.spi.Backends;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Device;
import org.tune4j.training.ComputeDType;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(
    name = "backends",
    description = "Lists backends and their availability, without loading native libraries.")
final class BackendsCommand implements Callable<Integer> {
  @Mixin private PluginOptions plugins;

  private final Provider<Backends> backends;
  private final Terminal terminal;

  @Inject
  @SuppressWarnings("NullAway.Init") // picocli sets the field
  BackendsCommand(Provider<Backends> backends, Terminal terminal) {
    this.backends = backends;
    this.terminal = terminal;
  }

  @Override
  public Integer call() {
    plugins.load();
    Table table = new Table("NAME", "VERSION", "AVAILABLE", "DEVICES", "DTYPES", "CAPABILITIES");
    for (BackendProvider p : backends.get().providers()) {
      Availability a = p.availability();
      table.row(
          p.name(),
          p.version(),
          a.available() ? "yes" : "no: " + a.reason(),
          list(a.devices()),
          list(new TreeSet<>(p.dtypes())),
          list(new TreeSet<>(p.capabilities())));
    }
    table.print(terminal.out());
    ComputeDType compute = ComputeDType.ofThisMachine();
    terminal
        .out()
        .printf(
            "%nOn this CPU (%s): dtype %s, dtype %s. %s overrides this.%n",
            Processor.here().name(),
            compute.expected(DType.BF16, Device.CPU),
            compute.expected(DType.FP16, Device.CPU),
            ComputeDType.VARIABLE);
    if (backends.get().providers().isEmpty()) {
      terminal
          .out()
          .println(
              "none is on the class path; add org.tune4j:tune4j-backend-javacpp or"
                  + " org.tune4j:tune4j-backend-djl");
    }
    return 0;
  }

  private static String list(Collection<?> values) {
    return values.isEmpty()
        ? "-"
        : values.stream().map(Object::toString).collect(Collectors.joining(", "));
  }
}
