package org.tune4j.cli.config;

import jakarta.inject.Inject;
import jakarta.inject.Provider;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.tune4j.cli.terminal.Terminal;
import org.tune4j.config.ComponentRegistry;
import org.tune4j.config.Reference;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code tune reference}. */
@Command(
    name = "reference",
    description = "Prints the keys of all components or of the given ones.")
public final class ReferenceCommand implements Callable<Integer> {
  @Parameters(
      arity = "0..*",
      paramLabel = "COMPONENT",
      description = "A recipe, a model builder, an optimiser, ...")
  private List<String> names = new ArrayList<>();

  private final Provider<ComponentRegistry> components;
  private final Terminal terminal;

  @Inject
  ReferenceCommand(Provider<ComponentRegistry> components, Terminal terminal) {
    this.components = components;
    this.terminal = terminal;
  }

  @Override
  public Integer call() {
    Reference reference = new Reference(components.get());
    if (names.isEmpty()) {
      terminal.out().print(INTRODUCTION + reference.all());
    } else {
      names.forEach(name -> terminal.out().println(reference.of(name)));
    }
    return 0;
  }

  private static final String INTRODUCTION =
      """
      # Configuration reference
      Generated from the code by `./tune reference`; `./tune reference NAME` prints one component.

      A config names a component with `_component_: NAME` and gives its keys beside it; a component that needs no keys
      can be given as its name alone. Overrides on the command line reach every key: `optimizer.lr=1e-4` sets a key,
      `~dataset_val` deletes one, and the model's keys can be at the top level: `lora_rank=16`.

      Beside a recipe's keys, a section `adapters` can stand at the top level, of names with the keys that each changes: several
      adapters trained at once ([adapters.md](adapters.md#training-several-at-once)).
      """;
}
