package org.tune4j.arrows;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.io.IOException;
import java.lang.reflect.Constructor;
import java.lang.reflect.Executable;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/**
 * What third parties compile against changes on purpose only: the public and protected members of
 * {@link PublicPackages#EXPORTED}. There is no release to compare with yet, so the signatures lie
 * in a file.
 */
class SignaturesTest {
  private static final Path FILE = Path.of("src/test/resources/signatures.txt");

  @Test
  void signatures_areThoseOfTheFile() throws IOException {
    String now = String.join("\n", signatures()) + "\n";
    if (Boolean.getBoolean("tune4j.accept")) {
      Files.writeString(FILE, now);
    }
    TreeSet<String> before = new TreeSet<>(Files.readAllLines(FILE));
    TreeSet<String> after = new TreeSet<>(now.lines().toList());
    TreeSet<String> gone = new TreeSet<>(before);
    gone.removeAll(after);
    after.removeAll(before);
    assertTrue(
        gone.isEmpty() && after.isEmpty(),
        "public signatures changed; if that is meant, run this test with -Dtune4j.accept=true and"
            + " commit "
            + FILE
            + "\ngone:\n  "
            + String.join("\n  ", gone)
            + "\nnew:\n  "
            + String.join("\n  ", after));
    assertEquals(Files.readString(FILE), now);
  }

  private static List<String> signatures() {
    JavaClasses all =
        new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .withImportOption(l -> !l.contains("-tests.jar"))
            .importPackages("org.tune4j");
    TreeSet<String> lines = new TreeSet<>();
    for (JavaClass c : all) {
      if (PublicPackages.EXPORTED.contains(c.getPackageName())
          && PublicPackages.isOpen(c.reflect())) {
        describe(c.reflect(), lines);
      }
    }
    return List.copyOf(lines);
  }

  private static void describe(Class<?> type, TreeSet<String> lines) {
    String name = type.getName();
    List<String> above = new ArrayList<>();
    Class<?> parent = type.getSuperclass();
    if (parent != null && PublicPackages.isOpen(parent)) {
      above.add(type.getGenericSuperclass().getTypeName());
    }
    Arrays.stream(type.getGenericInterfaces()).forEach(i -> above.add(i.getTypeName()));
    above.remove("java.lang.Object");
    lines.add(
        name
            + ": "
            + words(type.getModifiers() & ~Modifier.INTERFACE, type.isSealed())
            + (type.isInterface() ? "interface" : type.isRecord() ? "record" : "class")
            + (above.isEmpty() ? "" : " of " + String.join(", ", above)));
    for (Constructor<?> c : type.getDeclaredConstructors()) {
      add(name + "." + "new", c, "", lines);
    }
    // What a type has from a superclass that nobody else sees is its own.
    for (Class<?> c = type;
        c != null && (c == type || !PublicPackages.isOpen(c));
        c = c.getSuperclass()) {
      for (Method m : c.getDeclaredMethods()) {
        add(name + "." + m.getName(), m, ": " + m.getGenericReturnType().getTypeName(), lines);
      }
    }
    for (Field f : type.getDeclaredFields()) {
      if (PublicPackages.isOpen(f.getModifiers()) && !f.isSynthetic()) {
        lines.add(
            "%s.%s: %s%s"
                .formatted(
                    name,
                    f.getName(),
                    words(f.getModifiers(), false),
                    f.getGenericType().getTypeName()));
      }
    }
  }

  private static void add(String name, Executable e, String result, TreeSet<String> lines) {
    if (PublicPackages.isOpen(e.getModifiers()) && !e.isSynthetic()) {
      lines.add(
          "%s(%s)%s %s"
              .formatted(
                  name,
                  Arrays.stream(e.getGenericParameterTypes())
                      .map(java.lang.reflect.Type::getTypeName)
                      .collect(Collectors.joining(", ")),
                  result,
                  words(e.getModifiers() & ~(Modifier.TRANSIENT | Modifier.VOLATILE), false))
              .stripTrailing());
    }
  }

  private static String words(int modifiers, boolean sealed) {
    String words = Modifier.toString(modifiers & ~Modifier.PUBLIC);
    return (words.isEmpty() ? "" : words + " ") + (sealed ? "sealed " : "");
  }
}
