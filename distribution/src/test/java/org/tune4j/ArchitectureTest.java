package org.tune4j;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** The arrows between the modules, as docs/design.md draws them. */
@AnalyzeClasses(packages = "org.tune4j", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
  private static final String[] API = {
    "org.tune4j",
    "org.tune4j.tensor..",
    "org.tune4j.spi..",
    "org.tune4j.nn..",
    "org.tune4j.component..",
    "org.tune4j.recipe"
  };
  private static final String[] MODELS = {
    "org.tune4j.models..", "org.tune4j.peft..", "org.tune4j.tokenizers..", "org.tune4j.checkpoint.."
  };
  private static final String[] RECIPES = {
    "org.tune4j.recipes..",
    "org.tune4j.data..",
    "org.tune4j.optim..",
    "org.tune4j.loss..",
    "org.tune4j.metrics..",
    "org.tune4j.training.."
  };
  private static final String[] DISTRIBUTION = {"org.tune4j.cli..", "org.tune4j.launcher.."};

  @ArchTest
  static final ArchRule api_seesNoOtherModule =
      noClasses()
          .that()
          .resideInAnyPackage(API)
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              join(
                  MODELS,
                  RECIPES,
                  DISTRIBUTION,
                  new String[] {"org.tune4j.config..", "org.tune4j.backend.."}));

  @ArchTest
  static final ArchRule models_seeApiAlone =
      noClasses()
          .that()
          .resideInAnyPackage(MODELS)
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              join(
                  RECIPES,
                  DISTRIBUTION,
                  new String[] {"org.tune4j.config..", "org.tune4j.backend.."}));

  @ArchTest
  static final ArchRule recipes_seeModelsAndApi =
      noClasses()
          .that()
          .resideInAnyPackage(RECIPES)
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              join(DISTRIBUTION, new String[] {"org.tune4j.config..", "org.tune4j.backend.."}));

  @ArchTest
  static final ArchRule configs_seeApiAlone =
      noClasses()
          .that()
          .resideInAPackage("org.tune4j.config..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              join(MODELS, RECIPES, DISTRIBUTION, new String[] {"org.tune4j.backend.."}));

  @ArchTest
  static final ArchRule backends_seeApiAlone =
      noClasses()
          .that()
          .resideInAPackage("org.tune4j.backend..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              join(MODELS, RECIPES, DISTRIBUTION, new String[] {"org.tune4j.config.."}));

  @ArchTest
  static final ArchRule noModuleSeesABackend =
      noClasses()
          .that()
          .resideOutsideOfPackage("org.tune4j.backend..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("org.tune4j.backend..");

  @ArchTest
  static final ArchRule guiceStaysInDistribution =
      noClasses()
          .that()
          .resideOutsideOfPackages(DISTRIBUTION)
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("com.google.inject..", "jakarta.inject..");

  @ArchTest
  static final ArchRule exitIsTheLaunchersAlone =
      noClasses()
          .that()
          .resideOutsideOfPackage("org.tune4j.launcher")
          .should()
          .callMethod(System.class, "exit", int.class);

  @ArchTest
  static final ArchRule namesSayWhatAThingIs =
      noClasses()
          .should()
          .haveSimpleNameEndingWith("Manager")
          .orShould()
          .haveSimpleNameEndingWith("Helper")
          .orShould()
          .haveSimpleNameEndingWith("Util")
          .orShould()
          .haveSimpleNameEndingWith("Impl");

  private static String[] join(String[]... parts) {
    return java.util.Arrays.stream(parts).flatMap(java.util.Arrays::stream).toArray(String[]::new);
  }
}
