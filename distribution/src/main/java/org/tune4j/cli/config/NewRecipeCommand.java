package org.tune4j.cli.config;

import jakarta.inject.Inject;
import jakarta.inject.Provider;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import javax.lang.model.SourceVersion;
import org.jspecify.annotations.Nullable;
import org.tune4j.EnvironmentException;
import org.tune4j.TuneException;
import org.tune4j.UsageException;
import org.tune4j.checkpoint.AtomicFolder;
import org.tune4j.cli.terminal.Terminal;
import org.tune4j.config.ComponentRegistry;
import org.tune4j.recipe.Recipe;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "recipe",
    description = {
      "Generates a plugin's Maven project with a recipe that trains, a metric logger and a "
          + "config. It builds and runs as it is; change it as you need."
    },
    sortOptions = false)
final class NewRecipeCommand implements Callable<Integer> {
  /** The project that ships, whose names are replaced. */
  private static final String SAMPLE = "embedding_norm";

  /** Its files, as a jar cannot list them. */
  static final List<String> FILES =
      List.of(
          "README.md",
          "embedding_norm.yaml",
          "pom.xml",
          "src/main/java/com/example/embeddingnorm/EmbeddingNormComponents.java",
          "src/main/java/com/example/embeddingnorm/EmbeddingNormRecipe.java",
          "src/main/java/com/example/embeddingnorm/EmbeddingNormTable.java",
          "src/main/resources/META-INF/services/org.tune4j.component.ComponentProvider");

  @Parameters(
      index = "0",
      paramLabel = "NAME",
      description = "The recipe's name in configs, such as my_recipe.")
  private String name;

  @Option(
      names = "--dir",
      paramLabel = "DIR",
      description = "The new folder (default: the recipe's name, here).")
  private @Nullable Path dir;

  private final Provider<ComponentRegistry> components;
  private final Terminal terminal;

  @Inject
  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  NewRecipeCommand(Provider<ComponentRegistry> components, Terminal terminal) {
    this.components = components;
    this.terminal = terminal;
  }

  @Override
  public Integer call() {
    checkName();
    Path folder = dir == null ? Path.of(name) : dir;
    if (Files.exists(folder)) {
      throw new UsageException("%s exists; name another folder with --dir".formatted(folder));
    }
    AtomicFolder.write(folder, this::write);
    terminal
        .out()
        .printf(
            """
            wrote %1$s; continue in %3$s with:
              ./mvnw -q -DskipTests -pl recipes -am install    (once, so that Maven finds this version)
              ./mvnw -q -f %2$s/pom.xml package
              ./tune ls --plugin %2$s/target/%4$s.jar
            """,
            folder, fromSources(folder), sources(), words("-"));
    return 0;
  }

  /** Where Tune4J is built, which an installed one does not know. */
  private static String sources() {
    Path home = home();
    return Files.exists(home.resolve("mvnw")) ? home.toString() : "the folder of Tune4J's sources";
  }

  private static Path home() {
    return Path.of(System.getProperty("tune4j.home", ".")).toAbsolutePath().normalize();
  }

  /** As it is typed there. */
  private static Path fromSources(Path folder) {
    Path whole = folder.toAbsolutePath().normalize();
    return whole.startsWith(home()) ? home().relativize(whole) : whole;
  }

  private void checkName() {
    if (!name.matches("[a-z][a-z0-9]*(_[a-z0-9]+)*")) {
      throw new UsageException(
          "recipe name '%s' is not valid: expected lower-case letters, digits and single underscores, such as '%s'"
              .formatted(name, proposal()));
    }
    if (SourceVersion.isKeyword(words(""))) {
      throw new UsageException(
          "recipe name '%s' is a Java keyword and cannot name a package; choose '%s_recipe'"
              .formatted(name, name));
    }
    if (components.get().names(Recipe.class).contains(name)) {
      throw new UsageException(
          "recipe '%s' exists already; choose another name, such as 'my_%s'".formatted(name, name));
    }
  }

  private String proposal() {
    String plain =
        name.replaceAll("([a-z0-9])([A-Z])", "$1_$2")
            .toLowerCase(Locale.ROOT)
            .replaceAll("[^a-z0-9]+", "_")
            .replaceAll("^[_0-9]+|_+$", "");
    return plain.isEmpty() ? "my_recipe" : plain;
  }

  private String words(String between) {
    return name.replace("_", between);
  }

  private void write(Path folder) throws IOException {
    for (String file : FILES) {
      Path target = folder.resolve(renamed(file));
      Files.createDirectories(target.getParent());
      Files.writeString(target, renamed(sample(file)));
    }
  }

  private String renamed(String text) {
    String camel =
        Arrays.stream(name.split("_"))
            .map(w -> w.substring(0, 1).toUpperCase(Locale.ROOT) + w.substring(1))
            .collect(Collectors.joining());
    return text.replace(SAMPLE, name)
        .replace("EmbeddingNorm", camel)
        .replace("embeddingnorm", words(""))
        .replace("embedding-norm", words("-"));
  }

  /** A file of the sample. */
  private static String sample(String file) {
    try (InputStream in = NewRecipeCommand.class.getResourceAsStream("sample-plugin/" + file)) {
      if (in == null) {
        throw new IllegalStateException("resource sample-plugin/" + file + " is missing");
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new EnvironmentException(
          "the sample plugin cannot be read: " + TuneException.reason(e), e);
    }
  }
}
