package org.tune4j.arrows;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.belongToAnyOf;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import com.tngtech.archunit.library.dependencies.SliceAssignment;
import com.tngtech.archunit.library.dependencies.SliceIdentifier;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Device;
import org.tune4j.tensor.Shape;

/** The arrows between the modules, and the few words and calls that no module may use. */
class ModuleRulesTest {
  /** What each module may see of the others. */
  private static final Map<String, Set<String>> ARROWS =
      Map.of(
          "api", Set.of(),
          "text", Set.of("api"),
          "hub", Set.of("api"),
          "backend-djl", Set.of("api"),
          "backend-javacpp", Set.of("api"),
          "configs", Set.of("api"),
          "models", Set.of("api"),
          "recipes", Set.of("api", "text", "hub", "models"),
          "distribution", Set.of("api", "text", "hub", "models", "recipes", "configs"));

  /** A class's place: {@code .../models/target/classes/} or {@code .../tune4j-models-0.1.jar!/}. */
  private static final Pattern PLACE =
      Pattern.compile(
          "(?:/tune4j-|/)(api|text|hub|models|recipes|configs|distribution|backend-djl|backend-javacpp)"
              + "(?:/target/classes/|-[0-9][^/]*\\.jar!)");

  private static JavaClasses all;

  @BeforeAll
  static void read() {
    all =
        new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .withImportOption(l -> !l.contains("-tests.jar"))
            .importPackages("org.tune4j");
  }

  private static Optional<String> module(JavaClass c) {
    String place = c.getSource().map(s -> s.getUri().toString()).orElse("");
    Matcher m = PLACE.matcher(place);
    String found = null;
    while (m.find()) {
      found = m.group(1);
    }
    return Optional.ofNullable(found);
  }

  @Test
  void modules_allAreRead() {
    Set<String> seen = new TreeSet<>();
    all.forEach(c -> module(c).ifPresent(seen::add));
    Set<String> expected = new TreeSet<>(ARROWS.keySet());
    if (!seen.contains("backend-djl") || !seen.contains("backend-javacpp")) {
      // A backend without a class yet is no reason to fail.
      expected.removeIf(m -> m.startsWith("backend-") && !seen.contains(m));
    }
    assertEquals(expected, seen);
  }

  @Test
  void modules_seeOnlyWhatTheArrowsAllow() {
    classes()
        .should(
            new ArchCondition<JavaClass>("depend on other modules only along the arrows") {
              @Override
              public void check(JavaClass c, ConditionEvents events) {
                String from = module(c).orElseThrow(() -> new AssertionError(c + " has no module"));
                for (Dependency d : c.getDirectDependenciesFromSelf()) {
                  String to = module(d.getTargetClass().getBaseComponentType()).orElse(from);
                  if (!to.equals(from) && !ARROWS.get(from).contains(to)) {
                    events.add(
                        SimpleConditionEvent.violated(
                            d, from + " must not see " + to + ": " + d.getDescription()));
                  }
                }
              }
            })
        .check(all);
  }

  @Test
  void packagesOfTheApi_formNoCircle() {
    slices()
        .assignedFrom(
            new SliceAssignment() {
              @Override
              public SliceIdentifier getIdentifierOf(JavaClass c) {
                return module(c).filter("api"::equals).isEmpty()
                    ? SliceIdentifier.ignore()
                    // Tensors call the SPI below them, which speaks of their types and devices.
                    : SliceIdentifier.of(
                        c.getPackageName().replace("org.tune4j.spi", "org.tune4j.tensor"));
              }

              @Override
              public String getDescription() {
                return "packages of api";
              }
            })
        .should()
        .beFreeOfCycles()
        .check(all);
  }

  @Test
  void spi_knowsOfTensorsTypesAndDevicesOnly() {
    noClasses()
        .that()
        .resideInAPackage("org.tune4j.spi")
        .and()
        .doNotHaveSimpleName("Backends") // opens an engine, for programs
        .should()
        .dependOnClassesThat(
            resideInAPackage("org.tune4j.tensor")
                .and(not(belongToAnyOf(DType.class, Device.class, Shape.class))))
        .check(all);
  }

  @Test
  void packages_formNoCircle() {
    Set<String> modules = Set.of("text", "hub", "models", "configs", "recipes", "distribution");
    slices()
        .matching("org.tune4j.(**)")
        .should()
        .beFreeOfCycles()
        .check(
            all.that(
                DescribedPredicate.describe(
                    "are of " + modules, c -> modules.contains(module(c).orElse("")))));
  }

  @Test
  void guice_isKnownToWiringOnly() {
    noClasses()
        .that()
        .resideOutsideOfPackage("org.tune4j.wiring..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("com.google.inject..")
        .check(all);
  }

  @Test
  void injectAnnotations_stayInTheCommands() {
    noClasses()
        .that()
        .resideOutsideOfPackages("org.tune4j.wiring..", "org.tune4j.cli..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("jakarta.inject..")
        .check(all);
  }

  @Test
  void nativeLibraries_areKnownToTheirBackendOnly() {
    noClasses()
        .that()
        .resideOutsideOfPackage("org.tune4j.backend.javacpp..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("org.bytedeco..")
        .check(all);
    noClasses()
        .that()
        .resideOutsideOfPackage("org.tune4j.backend.djl..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("ai.djl.pytorch..")
        .check(all);
  }

  @Test
  void backends_showOnePublicType() {
    for (String backend : Set.of("org.tune4j.backend.djl", "org.tune4j.backend.javacpp")) {
      Set<String> open = new TreeSet<>();
      for (JavaClass c : all) {
        if (c.getPackageName().startsWith(backend)
            && c.isTopLevelClass()
            && c.getModifiers().contains(com.tngtech.archunit.core.domain.JavaModifier.PUBLIC)) {
          open.add(c.getSimpleName());
        }
      }
      open.removeIf(n -> n.endsWith("BackendProvider"));
      assertEquals(Set.of(), open, backend);
    }
  }

  @Test
  void process_isEndedByTheLauncherOnly() {
    noClasses()
        .that()
        .resideOutsideOfPackage("org.tune4j.launcher..")
        .should()
        .callMethod(System.class, "exit", int.class)
        .orShould()
        .callMethod(Runtime.class, "exit", int.class)
        .orShould()
        .callMethod(Runtime.class, "halt", int.class)
        .check(all);
  }

  @Test
  void names_sayWhatAClassIs() {
    noClasses()
        .should()
        .haveSimpleNameEndingWith("Manager")
        .orShould()
        .haveSimpleNameEndingWith("Helper")
        .orShould()
        .haveSimpleNameEndingWith("Util")
        .orShould()
        .haveSimpleNameEndingWith("Utils")
        .orShould()
        .haveSimpleNameEndingWith("Impl")
        .check(all);
  }
}
