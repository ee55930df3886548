package org.tune4j.checkpoint;

/**
 * A text model inside an image model's checkpoint. {@code text_config} of {@code config.json}
 * describes it; its modules are below {@code model.language_model}, except for the head. Many files
 * have them below {@code language_model}, as modules were called before transformers 4.52. Source:
 * {@code conversion_mapping.py} of transformers.
 */
final class TextModel {
  /** What describes it. */
  static final String CONFIG = "text_config";

  private static final String BODY = "model.language_model.";
  private static final String HEAD = "lm_head.";
  private static final String EARLIER = "language_model.";

  private TextModel() {}

  /** What a module or tensor is called here that a file calls so. */
  static String name(String stored) {
    if (stored.startsWith(EARLIER + "model.")) {
      return BODY + stored.substring(EARLIER.length() + "model.".length());
    }
    return stored.startsWith(EARLIER + HEAD) ? stored.substring(EARLIER.length()) : stored;
  }

  /** Whether a name of {@link #name} is the text model's. */
  static boolean has(String name) {
    return name.startsWith(BODY) || name.startsWith(HEAD);
  }

  /** What a tensor of the head is called beside another tensor of the file. */
  static String besides(String stored, String head) {
    return stored.startsWith(EARLIER) ? EARLIER + head : head;
  }
}
