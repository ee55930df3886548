package org.tune4j.adapters;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import org.tune4j.UsageException;
import org.tune4j.checkpoint.SafetensorsFile.Entry;
import org.tune4j.tensor.Tensor;

/** A weighted sum of adapters as one adapter, as PEFT's {@code add_weighted_adapter} makes it. */
public interface AdapterSum {
  /** How the factors of the sum come about. */
  enum Type {
    /** Weighted sums of the factors: of adapters of one rank, and not their sum but near it. */
    LINEAR,
    /** All factors side by side: the sum itself, of all ranks together. */
    CAT,
    /** The largest singular values of the sum. */
    SVD;

    /**
     * {@return the one that the user names}
     *
     * @param name {@code linear}, {@code cat} or {@code svd}
     * @throws UsageException when it is another word
     */
    public static Type of(String name) {
      return Arrays.stream(values())
          .filter(t -> t.toString().equals(name.toLowerCase(Locale.ROOT)))
          .findFirst()
          .orElseThrow(
              () ->
                  new UsageException(
                      "combination type '%s' is not known; there are linear, cat, svd"
                          .formatted(name)));
    }

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * One adapter of the sum.
   *
   * @param adapter as it was saved
   * @param weight any number
   * @param values reads a tensor of its file
   */
  record Part(SavedAdapter adapter, double weight, Function<Entry, Tensor> values) {}

  /** {@return its config} */
  AdapterConfig config();

  /** {@return the paths of the linears that any of the adapters adapts} */
  List<String> modules();

  /**
   * {@return its tensors by full name, fp32, owned by the calling thread's innermost scope}
   *
   * @throws org.tune4j.InputException when the adapters are of different models
   */
  Map<String, Tensor> tensors();
}
