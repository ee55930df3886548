package org.tune4j.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;
import org.tune4j.UsageException;

/**
 * What {@code config.json} says of a classifier's head, which gives a text a score for each label:
 * the logits at its last token that is no padding. Source: transformers' {@code
 * GenericForSequenceClassification}.
 *
 * @param names by the labels' numbers, one or more
 * @param padTokenId of padding; null where there is none
 */
public record Labels(List<String> names, @Nullable Integer padTokenId) {
  /** What the head is called beside the body. */
  public static final String HEAD = "score";

  private static final String ARCHITECTURES = "architectures";
  private static final String ENDING = "ForSequenceClassification";
  private static final String BY_NUMBER = "id2label";
  private static final String PROBLEM = "problem_type";
  private static final String ONE_LABEL = "single_label_classification";
  private static final int MOST = 1 << 20;

  /** Copies the list. */
  public Labels {
    names = List.copyOf(names);
  }

  /**
   * {@return those of a classifier; empty where the file describes another model}
   *
   * @param config a {@code config.json}
   * @throws InputException when its labels are not numbered from 0, or a text has several
   */
  public static Optional<Labels> of(JsonFields config) {
    if (!architecture(config).endsWith(ENDING)) {
      return Optional.empty();
    }
    List<String> names = names(config);
    if (names.size() > 1 && !config.optionalText(PROBLEM).orElse(ONE_LABEL).equals(ONE_LABEL)) {
      throw config.wrong(
          PROBLEM, "\"%s\"; a text with several labels is not supported".formatted(ONE_LABEL));
    }
    return Optional.of(new Labels(names, HuggingFaceConfig.padTokenId(config)));
  }

  private static String architecture(JsonFields config) {
    JsonNode all = config.value(ARCHITECTURES);
    return all == null ? "" : all.path(0).asText();
  }

  /** Absent ones are two, as in transformers, which does not write its defaults. */
  private static List<String> names(JsonFields config) {
    if (!config.has(BY_NUMBER)) {
      return numbered(config.size("num_labels", 2, MOST));
    }
    JsonFields named = config.object(BY_NUMBER);
    List<String> names = new ArrayList<>();
    for (int i = 0; named.has(String.valueOf(i)); i++) {
      names.add(named.text(String.valueOf(i)));
    }
    if (names.isEmpty() || names.size() != named.toMap().size()) {
      throw config.wrong(BY_NUMBER, "a name for each number from 0");
    }
    return names;
  }

  /**
   * {@return what transformers calls labels without names}
   *
   * @param n how many there are
   */
  public static List<String> numbered(int n) {
    return IntStream.range(0, n).mapToObj(i -> "LABEL_" + i).toList();
  }

  private static boolean areNumbered(List<String> names) {
    return names.equals(numbered(names.size()));
  }

  /** The fields of a classifier of these labels. */
  static JsonFields write(JsonFields config, List<String> names) {
    List<String> own = of(config).map(Labels::names).orElse(numbered(names.size()));
    if (own.size() != names.size()
        || !(own.equals(names) || areNumbered(own) || areNumbered(names))) {
      throw config.wrong(
          config.has(BY_NUMBER) ? BY_NUMBER : "num_labels",
          "%d labels, as are asked for: %s".formatted(names.size(), String.join(", ", names)));
    }
    String architecture = architecture(config);
    if (!architecture.endsWith(ENDING) && !architecture.endsWith("ForCausalLM")) {
      throw config.wrong(ARCHITECTURES, "a model of text, such as [\"LlamaForCausalLM\"]");
    }
    List<String> all = areNumbered(names) ? own : names;
    Map<String, Integer> numbers = new LinkedHashMap<>();
    Map<String, String> byNumber = new LinkedHashMap<>();
    for (int i = 0; i < all.size(); i++) {
      numbers.put(all.get(i), i);
      byNumber.put(String.valueOf(i), all.get(i));
    }
    JsonFields changed =
        config
            .set(ARCHITECTURES, List.of(architecture.replaceFirst("For[A-Za-z]+$", ENDING)))
            .set(BY_NUMBER, byNumber)
            .set("label2id", numbers);
    return all.size() == 1 ? changed : changed.set(PROBLEM, ONE_LABEL);
  }

  /**
   * {@return the position at which a text is scored: that of its last token that is no padding, 0
   * where all is}
   *
   * @param tokens of the text, one or more
   */
  public int last(int[] tokens) {
    int i = tokens.length - 1;
    while (i > 0 && padTokenId != null && tokens[i] == padTokenId) {
      i--;
    }
    return i;
  }

  /**
   * Refuses what asks a classifier for text.
   *
   * @param labels of the model
   * @throws UsageException when it has some
   */
  public static void requireNone(Optional<Labels> labels) {
    if (labels.isPresent()) {
      throw new UsageException(
          "the model is a classifier, which gives scores of %s and no text; use tune eval with --tasks classification or reward, or POST /classify of tune serve"
              .formatted(String.join(", ", labels.get().names())));
    }
  }
}
