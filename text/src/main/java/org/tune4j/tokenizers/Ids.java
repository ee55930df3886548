package org.tune4j.tokenizers;

import java.util.Arrays;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;

/** Ids and masks that grow. */
final class Ids {
  private final IntStream.Builder tokens = IntStream.builder();
  private final IntStream.Builder masked = IntStream.builder();
  private int size;
  private boolean lastMasked = true;
  private boolean incomplete;

  void add(int id, boolean mask) {
    tokens.add(id);
    masked.add(mask ? 1 : 0);
    size++;
    lastMasked = mask;
  }

  void add(int[] ids, boolean mask) {
    for (int id : ids) {
      add(id, mask);
    }
  }

  /** Whether what was added last is masked. */
  boolean lastMasked() {
    return lastMasked;
  }

  /** Says that more would have followed, beyond the limit. */
  void leaveOut() {
    incomplete = true;
  }

  boolean reaches(@Nullable Integer limit) {
    return limit != null && size >= limit;
  }

  /** Cut to the limit; the last token left is then the one that ends a text, as in torchtune. */
  TokenizedConversation cut(@Nullable Integer limit, int eos, boolean eosMasked) {
    int[] t = tokens.build().toArray();
    int[] m = masked.build().toArray();
    int n = limit == null ? t.length : Math.min(limit, t.length);
    t = Arrays.copyOf(t, n);
    boolean[] mask = new boolean[n];
    for (int i = 0; i < n; i++) {
      mask[i] = m[i] == 1;
    }
    if (limit != null && n > 0) {
      mask[n - 1] = eosMasked;
      t[n - 1] = eos;
    }
    return new TokenizedConversation(t, mask, incomplete || n < size);
  }

  int[] tokens() {
    return tokens.build().toArray();
  }

  static void requireInside(int[] ids, int vocabSize) {
    for (int id : ids) {
      if (id < 0 || id >= vocabSize) {
        throw new InputException(
            "token id %d is outside the tokenizer's %d ids; use the tokenizer that belongs to the model"
                .formatted(id, vocabSize));
      }
    }
  }
}
