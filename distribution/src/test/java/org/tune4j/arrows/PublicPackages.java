package org.tune4j.arrows;

import java.lang.reflect.Modifier;
import java.util.Set;

/** Which packages programs and plugins compile against, and which only Tune4J does. */
final class PublicPackages {
  /** What the documents, the sample plugin and the tests' plugins import, and what that names. */
  static final Set<String> EXPORTED =
      Set.of(
          "org.tune4j",
          "org.tune4j.adapters",
          "org.tune4j.adapters.lora",
          "org.tune4j.checkpoint",
          "org.tune4j.checkpointing",
          "org.tune4j.collective",
          "org.tune4j.component",
          "org.tune4j.data",
          "org.tune4j.evaluation",
          "org.tune4j.finetuning",
          "org.tune4j.generation",
          "org.tune4j.hub",
          "org.tune4j.inference",
          "org.tune4j.metrics",
          "org.tune4j.models",
          "org.tune4j.models.auto",
          "org.tune4j.models.layers",
          "org.tune4j.models.llama",
          "org.tune4j.models.mistral",
          "org.tune4j.nn",
          "org.tune4j.optim",
          "org.tune4j.recipe",
          "org.tune4j.rewards",
          "org.tune4j.runs",
          "org.tune4j.spi",
          "org.tune4j.tensor",
          "org.tune4j.tokenizers",
          "org.tune4j.training");

  /** Free to change at any time. */
  static final Set<String> INTERNAL =
      Set.of(
          "org.tune4j.adapters.ia3",
          "org.tune4j.adapters.vera",
          "org.tune4j.agent",
          "org.tune4j.backend.djl",
          "org.tune4j.backend.javacpp",
          "org.tune4j.cli",
          "org.tune4j.cli.config",
          "org.tune4j.cli.data",
          "org.tune4j.cli.hub",
          "org.tune4j.cli.model",
          "org.tune4j.cli.terminal",
          "org.tune4j.cli.train",
          "org.tune4j.config",
          "org.tune4j.curves",
          "org.tune4j.dashboard",
          "org.tune4j.fetching",
          "org.tune4j.jinja",
          "org.tune4j.launcher",
          "org.tune4j.loss",
          "org.tune4j.memory",
          "org.tune4j.models.cohere",
          "org.tune4j.models.ernie",
          "org.tune4j.models.exaone",
          "org.tune4j.models.gemma",
          "org.tune4j.models.glm",
          "org.tune4j.models.gptoss",
          "org.tune4j.models.granite",
          "org.tune4j.models.hunyuan",
          "org.tune4j.models.lfm",
          "org.tune4j.models.ministral",
          "org.tune4j.models.mixtral",
          "org.tune4j.models.olmo",
          "org.tune4j.models.phi",
          "org.tune4j.models.qwen",
          "org.tune4j.models.smollm3",
          "org.tune4j.models.starcoder",
          "org.tune4j.parity",
          "org.tune4j.platform",
          "org.tune4j.plugins",
          "org.tune4j.ranks",
          "org.tune4j.recipes",
          "org.tune4j.rollouts",
          "org.tune4j.serve",
          "org.tune4j.wiring");

  private PublicPackages() {}

  /** Whether code of other packages can name a type. */
  static boolean isOpen(Class<?> type) {
    Class<?> outer = type.getDeclaringClass();
    return !type.isAnonymousClass()
        && !type.isLocalClass()
        && isOpen(type.getModifiers())
        && (outer == null || isOpen(outer));
  }

  /** Whether a type's or a member's modifiers let other packages use it. */
  static boolean isOpen(int modifiers) {
    return Modifier.isPublic(modifiers) || Modifier.isProtected(modifiers);
  }
}
