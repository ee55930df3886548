package org.tune4j.cli;

import java.nio.file.Path;
import java.util.List;
import org.tune4j.InputException;
import org.tune4j.component.Component;
import org.tune4j.component.ComponentProvider;
import org.tune4j.component.Default;
import org.tune4j.recipe.Recipe;
import org.tune4j.recipe.RunContext;

/** A recipe that prints what it was given, and fails as it is told. */
public final class FakeRecipe implements Recipe {
  private final int steps;
  private final String fail;

  @Component("fake_recipe")
  public FakeRecipe(int steps, @Default("none") String fail, @Default("out") Path outputDir) {
    this.steps = steps;
    this.fail = fail;
  }

  @Override
  public void run(RunContext context) {
    switch (fail) {
      case "input" -> throw new InputException("rows.json is empty\nsecond line");
      case "internal" -> throw new IllegalStateException("the sum\nis wrong");
      case "memory" -> throw new OutOfMemoryError("Java heap space");
      default -> context.out().println("ran " + steps + " steps");
    }
    context.out().print(context.resolvedConfig());
  }

  /** Lists it. */
  public static final class Provider implements ComponentProvider {
    @Override
    public List<Class<?>> components() {
      return List.of(FakeRecipe.class);
    }
  }
}
