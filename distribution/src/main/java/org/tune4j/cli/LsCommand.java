package org.tune4j.cli;

import jakarta.inject.Inject;
import jakarta.inject.Provider;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.tune4j.config.ComponentRegistry;
import org.tune4j.config.ShippedConfigs;
import org.tune4j.recipe.Recipe;
import picocli.CommandLine.Command;

@Command(name = "ls", description = "Lists the recipes and the configs that ship.")
final class LsCommand implements Callable<Integer> {
  private final Provider<ComponentRegistry> components;
  private final Terminal terminal;

  @Inject
  LsCommand(Provider<ComponentRegistry> components, Terminal terminal) {
    this.components = components;
    this.terminal = terminal;
  }

  @Override
  public Integer call() {
    List<String> recipes = components.get().names(Recipe.class);
    Map<String, List<String>> configs = new LinkedHashMap<>();
    recipes.forEach(r -> configs.put(r, new ArrayList<>()));
    for (String name : ShippedConfigs.names()) {
      String recipe = RecipeNames.of(ShippedConfigs.text(name), recipes).orElse("-");
      configs.computeIfAbsent(recipe, r -> new ArrayList<>()).add(name);
    }
    Table table = new Table("RECIPE", "CONFIG");
    configs.forEach(
        (recipe, names) -> {
          String first = recipe;
          for (String name : names.isEmpty() ? List.of("-") : names) {
            table.row(first, name);
            first = "";
          }
        });
    table.print(terminal.out());
    return 0;
  }
}
