package org.tune4j.generation;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
import org.tune4j.checkpoint.Labels;
import org.tune4j.models.Continuation;
import org.tune4j.models.Decoder;
import org.tune4j.models.KvCache;
import org.tune4j.models.PackedRows;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;
import org.tune4j.tokenizers.TokenStream;
import org.tune4j.tokenizers.Tokenizer;

/**
 * Continues prompts with a decoder, adapters applied as they are. Holds nothing between calls;
 * several threads may share it.
 *
 * <p>Tokens that stood in a text before after the same words are guessed, and read along with the
 * token before them; every token is still chosen by the model, in the same way.
 */
public final class Generator {
  /** Tokens of a prompt that pass through the model at once, so that scores stay small. */
  private static final int PIECE = 512;

  /** The same where every token's logits are read. */
  private static final int READ_PIECE = 64;

  private final Engine engine;
  private final Decoder decoder;
  private final Tokenizer tokenizer;

  /**
   * A generator over a loaded model.
   *
   * @param engine that computes; closed by the caller, like the rest
   * @param decoder whose parameters all have storage
   * @param tokenizer the model's
   * @throws UsageException when the model is a classifier
   */
  public Generator(Engine engine, Decoder decoder, Tokenizer tokenizer) {
    Labels.requireNone(decoder.config().labels());
    this.engine = engine;
    this.decoder = decoder;
    this.tokenizer = tokenizer;
  }

  /**
   * Continues one prompt.
   *
   * @param prompt token ids, one or more
   * @param options how tokens are chosen and when the text ends
   * @param listener is called on this thread
   * @return the text, whole
   * @throws UsageException when the prompt is empty or leaves the model no room
   */
  public Generation generate(int[] prompt, SamplingOptions options, GenerationListener listener) {
    return generate(List.of(prompt), options, listener).get(0);
  }

  /**
   * Continues several prompts, a token of each or more in every pass. Each has a cache of its own,
   * freed when its text ends.
   *
   * @param prompts token ids, one or more each
   * @param options the same for all
   * @param listener is called on this thread
   * @return in the order of the prompts
   * @throws UsageException when a prompt is empty or leaves the model no room, before anything is
   *     generated
   */
  public List<Generation> generate(
      List<int[]> prompts, SamplingOptions options, GenerationListener listener) {
    return generate(prompts, 1, options, listener);
  }

  /**
   * Continues each of several prompts in several ways. A prompt is read once; the caches of its
   * texts begin as copies.
   *
   * @param prompts token ids, one or more each
   * @param ways how many texts there are of each, from 1; the listener's index counts texts, those
   *     of the first prompt first
   * @param options the same for all
   * @param listener is called on this thread
   * @return in the order of the prompts, {@code ways} of each
   * @throws UsageException when a prompt is empty or leaves the model no room, before anything is
   *     generated
   */
  public List<Generation> generate(
      List<int[]> prompts, int ways, SamplingOptions options, GenerationListener listener) {
    prompts.forEach(this::check);
    try (TensorScope scope = engine.openScope()) {
      Pass pass = Pass.evaluation(engine, scope);
      List<Text> texts = new ArrayList<>();
      for (int[] prompt : prompts) {
        texts.addAll(begun(scope, pass, prompt, texts.size(), ways, options, listener));
      }
      List<Text> open = unfinished(texts);
      while (!open.isEmpty()) {
        if (listener.cancelled()) {
          open.forEach(t -> t.end(FinishReason.CANCELLED));
        } else {
          step(pass, open);
        }
        open = unfinished(open);
      }
      return texts.stream().map(Text::generation).toList();
    }
  }

  /** The texts of one prompt, each with its first token. */
  private List<Text> begun(
      TensorScope scope,
      Pass pass,
      int[] prompt,
      int index,
      int ways,
      SamplingOptions options,
      GenerationListener listener) {
    Text first = new Text(scope, index, prompt, options, listener, null);
    List<Text> all = new ArrayList<>(List.of(first));
    float[] logits = listener.cancelled() ? null : prefill(pass, prompt, first);
    for (int way = 1; way < ways; way++) {
      all.add(new Text(scope, index + way, prompt, options, listener, first.cache));
    }
    for (Text text : all) {
      if (logits == null) {
        text.end(FinishReason.CANCELLED);
      } else {
        text.take(logits.clone());
      }
    }
    return all;
  }

  private static List<Text> unfinished(List<Text> texts) {
    return texts.stream().filter(t -> t.reason == null).toList();
  }

  private void check(int[] prompt) {
    int most = decoder.config().maxSeqLen();
    if (prompt.length == 0) {
      throw new UsageException("a prompt is empty; give it at least one token");
    }
    if (prompt.length >= most) {
      throw new UsageException(
          "a prompt has %d tokens, but prompt and answer can have at most %d; shorten it"
              .formatted(prompt.length, most));
    }
  }

  /** The logits after a prompt. */
  private float[] prefill(Pass pass, int[] prompt, Text text) {
    boolean read = text.listener.readsPrompt();
    int most = read ? READ_PIECE : PIECE;
    for (int from = 0; ; from += most) {
      int to = Math.min(from + most, prompt.length);
      int[] piece = Arrays.copyOfRange(prompt, from, to);
      int[] at = {piece.length - 1};
      if (read) {
        at = new int[piece.length];
        Arrays.setAll(at, i -> i);
      }
      try (TensorScope scope = engine.openScope()) {
        Tensor logits = decoder.logits(pass, Continuation.of(text.cache, piece), at);
        for (int i = 0; read && i < piece.length; i++) {
          text.listener.onPromptLogits(text.index, from + i, logits.narrow(0, i, 1).toFloats());
        }
        if (to == prompt.length) {
          return logits.narrow(0, at.length - 1, 1).toFloats();
        }
      }
    }
  }

  /** One more token of each text, and those of its guesses that hold. */
  private void step(Pass pass, List<Text> open) {
    List<int[]> rows = open.stream().map(Text::next).toList();
    PackedRows packed = PackedRows.of(rows);
    int[] each = new int[packed.tokens().length];
    Arrays.setAll(each, i -> i);
    List<KvCache> caches = open.stream().map(t -> t.cache).toList();
    try (TensorScope scope = engine.openScope()) {
      Tensor logits = decoder.logits(pass, Continuation.of(caches, packed), each);
      int from = 0;
      for (int i = 0; i < rows.size(); i++) {
        open.get(i).take(logits, from, rows.get(i));
        from += rows.get(i).length;
      }
    }
  }

  /** One prompt's text on its way. */
  private final class Text {
    private final int index;
    private final int promptTokens;
    private final SamplingOptions options;
    private final GenerationListener listener;
    private final Sampler sampler;
    private final TokenStream stream = tokenizer.stream();
    private final StopText stop;
    private final StringBuilder shown = new StringBuilder();
    private final KvCache cache;
    private final PromptLookup lookup;
    private int last;
    private int count;
    private @Nullable FinishReason reason;

    /** Of a prompt that was read into another text's cache; null where it was not. */
    Text(
        TensorScope scope,
        int index,
        int[] prompt,
        SamplingOptions options,
        GenerationListener listener,
        @Nullable KvCache read) {
      this.index = index;
      this.promptTokens = prompt.length;
      this.options = options;
      this.listener = listener;
      this.sampler = new Sampler(options, index, prompt);
      this.stop = new StopText(options.stop());
      this.lookup = new PromptLookup(prompt);
      long room = Math.min((long) prompt.length + options.maxNewTokens(), maxLength());
      this.cache =
          read == null ? new KvCache(scope, engine, decoder, (int) room) : read.copy((int) room);
    }

    private int maxLength() {
      return decoder.config().maxSeqLen();
    }

    /** What the model reads next: the last token and what may follow it. */
    int[] next() {
      // Wrong guesses are forgotten, and a state cannot go back.
      int room = decoder.recurrent() ? 0 : cache.capacity() - cache.length() - 1;
      int[] guesses = lookup.guess(room);
      int[] row = new int[guesses.length + 1];
      row[0] = last;
      System.arraycopy(guesses, 0, row, 1, guesses.length);
      return row;
    }

    /**
     * Takes tokens for as long as they are those that the model read.
     *
     * @param logits after the row's tokens, from {@code from} on
     */
    void take(Tensor logits, int from, int[] row) {
      int held = 0;
      take(logits.narrow(0, from, 1).toFloats());
      while (reason == null && held + 1 < row.length && row[held + 1] == last) {
        held++;
        take(logits.narrow(0, from + held, 1).toFloats());
      }
      if (row.length > 1) {
        lookup.held(held, row.length - 1);
      }
      if (reason == null) {
        cache.truncate(promptTokens + count - 1);
      }
    }

    /** Chooses a token, never one of a padded vocabulary that the tokenizer does not have. */
    void take(float[] logits) {
      listener.onLogits(index, logits);
      int known = tokenizer.vocabSize();
      last = sampler.next(known < logits.length ? Arrays.copyOf(logits, known) : logits);
      count++;
      lookup.add(last);
      listener.onToken(index, last);
      if (tokenizer.stopIds().contains(last)) {
        end(FinishReason.END);
        return;
      }
      show(stop.next(stream.next(last)));
      if (stop.stopped()) {
        end(FinishReason.STOP);
      } else if (count == options.maxNewTokens()) {
        end(FinishReason.LENGTH);
      } else if (promptTokens + count == maxLength()) {
        end(FinishReason.CONTEXT);
      }
    }

    private void show(String text) {
      if (!text.isEmpty()) {
        shown.append(text);
        listener.onText(index, text);
      }
    }

    void end(FinishReason why) {
      show(stop.rest());
      reason = why;
      cache.close();
    }

    Generation generation() {
      return new Generation(shown.toString(), promptTokens, count, Objects.requireNonNull(reason));
    }
  }
}
