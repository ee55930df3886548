package org.tune4j.evaluation;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import org.tune4j.InputException;
import org.tune4j.checkpoint.Labels;
import org.tune4j.inference.Classifier;
import org.tune4j.models.Continuation;
import org.tune4j.models.Decoder;
import org.tune4j.models.KvCache;
import org.tune4j.models.PackedRows;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;
import org.tune4j.tokenizers.Tokenizer;

/**
 * Log-probabilities that a model gives to texts. What a context shares with the one before stays in
 * the cache, the continuations of a context pass through the model together.
 *
 * <p>Used by one thread. Tensors belong to the scope that was innermost when it was made.
 */
public final class LogLikelihoods {
  /** Tokens that pass through the model at once. */
  private static final int PIECE = 512;

  private final Engine engine;
  private final Decoder decoder;
  private final Tokenizer tokenizer;
  private final Pass pass;
  private final int longest;
  private final BooleanSupplier stopRequested;
  private final KvCache cache;
  private int[] held = new int[0];

  /**
   * Over a loaded model.
   *
   * @param engine that computes it
   * @param owner what the cache belongs to; open, and of the calling thread
   * @param decoder with weights
   * @param tokenizer of the model
   */
  public LogLikelihoods(Engine engine, TensorScope owner, Decoder decoder, Tokenizer tokenizer) {
    this(engine, owner, decoder, tokenizer, decoder.config().maxSeqLen(), () -> false);
  }

  /**
   * The same, with bounds.
   *
   * @param engine that computes it
   * @param owner what the cache belongs to; open, and of the calling thread
   * @param decoder with weights
   * @param tokenizer of the model
   * @param longest tokens of a text at the most, not more than the model takes
   * @param stopRequested asked before every text; once true, a {@link CancellationException} is
   *     thrown
   */
  public LogLikelihoods(
      Engine engine,
      TensorScope owner,
      Decoder decoder,
      Tokenizer tokenizer,
      int longest,
      BooleanSupplier stopRequested) {
    this.longest = longest;
    this.stopRequested = stopRequested;
    this.engine = engine;
    this.decoder = decoder;
    this.tokenizer = tokenizer;
    this.pass = Pass.evaluation(engine, owner);
    this.cache = new KvCache(owner, engine, decoder, longest);
  }

  /**
   * {@return what scores texts with the model, for a task of classifiers}
   *
   * @throws org.tune4j.UsageException when it is none
   * @throws CancellationException when the run is to stop
   */
  public Classifier classifier() {
    goOn();
    return new Classifier(engine, decoder);
  }

  /** {@return what text is encoded with} */
  public Tokenizer tokenizer() {
    return tokenizer;
  }

  /**
   * The log-probability of each continuation after a context, summed over its tokens. Context and
   * continuation are encoded together and split where the context alone ends; blanks at the
   * context's end go to the continuations.
   *
   * @param context what is given
   * @param continuations at least one
   * @return natural logarithms, one a continuation
   * @throws InputException when a context or a continuation has no token
   * @throws org.tune4j.UsageException when the model is a classifier
   */
  public double[] of(String context, List<String> continuations) {
    goOn();
    Labels.requireNone(decoder.config().labels());
    String stripped = context.stripTrailing();
    String blanks = context.substring(stripped.length());
    int[] before = tokenizer.encode(stripped);
    List<int[]> after = new ArrayList<>();
    for (String continuation : continuations) {
      int[] all = tokenizer.encode(stripped + blanks + continuation);
      if (before.length == 0 || all.length <= before.length) {
        throw new InputException(
            "context '%s' and continuation '%s' have %d tokens, the context alone %d; each needs one at least"
                .formatted(context, continuation, all.length, before.length));
      }
      after.add(Arrays.copyOfRange(all, before.length, all.length));
    }
    int last = after.stream().mapToInt(a -> a.length).max().orElse(0);
    if (before.length + last - 1 <= longest) {
      return afterContext(before, after);
    }
    return after.stream()
        .mapToDouble(a -> afterContext(shortened(before, a), List.of(a))[0])
        .toArray();
  }

  private void goOn() {
    if (stopRequested.getAsBoolean()) {
      throw new CancellationException();
    }
  }

  /** The context's end that leaves room for a continuation. */
  private int[] shortened(int[] context, int[] continuation) {
    int most = longest + 1 - continuation.length;
    if (most < 1) {
      throw new InputException(
          "a continuation has %d tokens, the model takes %d"
              .formatted(continuation.length, longest));
    }
    return Arrays.copyOfRange(context, Math.max(0, context.length - most), context.length);
  }

  private double[] afterContext(int[] context, List<int[]> continuations) {
    double[] sums = new double[continuations.size()];
    try (TensorScope scope = engine.openScope()) {
      Tensor first = read(context);
      List<int[]> inputs = new ArrayList<>();
      for (int i = 0; i < sums.length; i++) {
        int[] c = continuations.get(i);
        sums[i] = logLikelihood(first, c[0]);
        if (c.length > 1) {
          inputs.add(Arrays.copyOf(c, c.length - 1));
        }
      }
      if (inputs.isEmpty()) {
        return sums;
      }
      PackedRows rows = PackedRows.of(inputs);
      int[] all = new int[rows.tokens().length];
      Arrays.setAll(all, i -> i);
      Tensor logits = decoder.logits(pass, Continuation.branches(cache, rows), all);
      int from = 0;
      for (int i = 0; i < sums.length; i++) {
        int[] c = continuations.get(i);
        if (c.length > 1) {
          sums[i] +=
              logLikelihood(
                  logits.narrow(0, from, c.length - 1), Arrays.copyOfRange(c, 1, c.length));
          from += c.length - 1;
        }
      }
    }
    return sums;
  }

  /** The logits after a context, {@code [1, vocab]}. */
  private Tensor read(int[] context) {
    int same = Arrays.mismatch(held, context);
    int shared = same < 0 ? context.length : same;
    int from = cache.truncate(Math.min(shared, context.length - 1));
    held = context;
    while (context.length - from > PIECE) {
      int[] piece = Arrays.copyOfRange(context, from, from + PIECE);
      decoder.logits(pass, Continuation.of(cache, piece), PIECE - 1).close();
      from += PIECE;
    }
    int[] rest = Arrays.copyOfRange(context, from, context.length);
    return decoder.logits(pass, Continuation.of(cache, rest), rest.length - 1);
  }

  private double logLikelihood(Tensor logits, int... targets) {
    try (TensorScope scope = engine.openScope();
        Engine.NoGradient off = engine.noGradient()) {
      return -engine.operations().crossEntropy(logits, engine.indices(targets)).item();
    }
  }

  /**
   * The log-probability of a whole text, the first token after {@code prefix}. A text longer than
   * the model takes is read in windows that share one token; the last window reaches back as far as
   * the model can see.
   *
   * @param prefix what stands before the text, such as BOS
   * @param text of any length
   * @return a natural logarithm; 0 for an empty text
   * @throws org.tune4j.UsageException when the model is a classifier
   */
  public double rolling(int prefix, String text) {
    goOn();
    Labels.requireNone(decoder.config().labels());
    int[] tokens = tokenizer.encode(text);
    int most = longest;
    int[] row = new int[tokens.length + 1];
    row[0] = prefix;
    System.arraycopy(tokens, 0, row, 1, tokens.length);
    double sum = 0;
    int predicted = 0;
    while (predicted < tokens.length) {
      int end = Math.min(predicted + most, tokens.length);
      // Token i of the text is row[i + 1], predicted from row[i].
      int start = predicted == 0 ? 0 : Math.max(0, end - most);
      sum += window(Arrays.copyOfRange(row, start, end + 1), predicted - start);
      predicted = end;
    }
    return sum;
  }

  /** The log-probability of a row's tokens from {@code from + 1} on. */
  private double window(int[] row, int from) {
    int inputs = row.length - 1;
    cache.truncate(0);
    held = new int[0];
    double sum = 0;
    for (int start = 0; start < inputs; start += PIECE) {
      int end = Math.min(start + PIECE, inputs);
      int[] piece = Arrays.copyOfRange(row, start, end);
      // A piece that is context alone gives its last position, which is not used.
      int first = Math.min(Math.max(start, from), end - 1);
      int[] at = new int[end - first];
      for (int i = 0; i < at.length; i++) {
        at[i] = first - start + i;
      }
      try (TensorScope scope = engine.openScope()) {
        Tensor logits = decoder.logits(pass, Continuation.of(cache, piece), at);
        if (end > from) {
          sum += logLikelihood(logits, Arrays.copyOfRange(row, first + 1, end + 1));
        }
      }
    }
    return sum;
  }
}
