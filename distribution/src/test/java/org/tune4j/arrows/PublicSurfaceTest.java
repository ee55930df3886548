package org.tune4j.arrows;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaCodeUnit;
import com.tngtech.archunit.core.domain.JavaField;
import com.tngtech.archunit.core.domain.JavaMember;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Programs and plugins see the exported packages, and need no other. */
class PublicSurfaceTest {
  private static final String COMPONENT = "org.tune4j.component.Component";
  private static final Path ROOT = Path.of("..");
  private static final Pattern IMPORT =
      Pattern.compile("(?m)^import (?:static )?(org\\.tune4j(?:\\.[a-z]\\w*)*)\\.[A-Z]");
  private static final Pattern MODULE = Pattern.compile("<module>([^<]+)</module>");
  private static final Pattern NAME =
      Pattern.compile("<java\\.module\\.name>([^<]+)</java\\.module\\.name>");

  private static JavaClasses all;

  @BeforeAll
  static void read() {
    all =
        new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .withImportOption(l -> !l.contains("-tests.jar"))
            .importPackages("org.tune4j");
  }

  @Test
  void everyPackage_isExportedOrInternal() {
    Set<String> listed = new TreeSet<>(PublicPackages.EXPORTED);
    listed.addAll(PublicPackages.INTERNAL);
    Set<String> present = new TreeSet<>();
    all.forEach(c -> present.add(c.getPackageName()));
    assertEquals(listed, present, "list each package in PublicPackages, once");
    assertEquals(listed.size(), PublicPackages.EXPORTED.size() + PublicPackages.INTERNAL.size());
  }

  @Test
  void whatProgramsAndPluginsImport_isExported() throws IOException {
    Map<String, Path> internal = new TreeMap<>();
    for (String place :
        List.of("README.md", "docs", "quickstart", "distribution/src/test/resources/plugins")) {
      try (Stream<Path> files = Files.walk(ROOT.resolve(place))) {
        for (Path file : files.filter(f -> f.toString().matches(".*\\.(java|md)")).toList()) {
          IMPORT
              .matcher(Files.readString(file))
              .results()
              .map(m -> m.group(1))
              .filter(p -> !PublicPackages.EXPORTED.contains(p))
              .forEach(p -> internal.put(p, file));
        }
      }
    }
    assertEquals(Map.of(), internal, "packages that are imported and not exported");
  }

  @Test
  void exportedSignatures_nameExportedTypesOnly() {
    classes()
        .that(
            DescribedPredicate.describe(
                "other packages can name",
                c ->
                    PublicPackages.EXPORTED.contains(c.getPackageName())
                        && PublicPackages.isOpen(c.reflect())))
        .should(
            new ArchCondition<JavaClass>("name exported types only in what they show") {
              @Override
              public void check(JavaClass c, ConditionEvents events) {
                Set<JavaClass> named = new HashSet<>(c.getRawInterfaces());
                c.getRawSuperclass().ifPresent(named::add);
                report(c, c.getName(), named, events);
                for (JavaMember member : c.getMembers()) {
                  if (isOpen(member) && !member.isAnnotatedWith(COMPONENT)) {
                    report(c, member.getFullName(), types(member), events);
                  }
                }
              }
            })
        .check(all);
  }

  private static boolean isOpen(JavaMember member) {
    return member.getModifiers().contains(JavaModifier.PUBLIC)
        || member.getModifiers().contains(JavaModifier.PROTECTED);
  }

  private static Set<JavaClass> types(JavaMember member) {
    Set<JavaClass> types = new HashSet<>();
    if (member instanceof JavaCodeUnit code) {
      code.getParameterTypes().forEach(t -> types.addAll(t.getAllInvolvedRawTypes()));
      types.addAll(code.getReturnType().getAllInvolvedRawTypes());
      types.addAll(code.getExceptionTypes());
    } else {
      types.addAll(((JavaField) member).getType().getAllInvolvedRawTypes());
    }
    return types;
  }

  private static void report(
      JavaClass c, String place, Set<JavaClass> named, ConditionEvents events) {
    for (JavaClass type : named) {
      if (PublicPackages.INTERNAL.contains(type.getPackageName())) {
        events.add(SimpleConditionEvent.violated(c, place + " names internal " + type.getName()));
      }
    }
  }

  @Test
  void everyJar_hasAModuleName() throws IOException {
    String root = Files.readString(ROOT.resolve("pom.xml"));
    assertTrue(
        root.contains("<Automatic-Module-Name>${java.module.name}</Automatic-Module-Name>"),
        "pom.xml writes no Automatic-Module-Name");
    Map<String, String> names = new TreeMap<>();
    Map<String, String> expected = new TreeMap<>();
    for (MatchResult module : MODULE.matcher(root).results().toList()) {
      String folder = module.group(1);
      if (!folder.equals("bom")) {
        Matcher name = NAME.matcher(Files.readString(ROOT.resolve(folder).resolve("pom.xml")));
        names.put(folder, name.find() ? name.group(1) : "none");
        expected.put(folder, "org.tune4j." + folder.replace('-', '.'));
      }
    }
    assertEquals(expected, names, "java.module.name of each module's pom.xml");
  }
}
