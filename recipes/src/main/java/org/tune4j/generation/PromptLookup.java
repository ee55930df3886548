package org.tune4j.generation;

import java.util.Arrays;

/**
 * Guesses a text's next tokens: those that followed its last three where they stood before, or its
 * last two, or its last (Saxena 2023, prompt lookup decoding). The model reads its weights once for
 * all tokens of a pass, so that guesses which hold come nearly free. How many are made follows how
 * many held, and is small where less than three tokens agree.
 */
final class PromptLookup {
  private static final int KEY = 3;

  /** A row more costs two hundredths of a pass, so that one guess in twenty pays for itself. */
  private static final int FEW = 4;

  private static final int MOST = 16;

  private int[] tokens;
  private int length;
  private int most = FEW;

  /** A text that begins with its prompt. */
  PromptLookup(int[] prompt) {
    tokens = Arrays.copyOf(prompt, prompt.length + 64);
    length = prompt.length;
  }

  /** One more token. */
  void add(int token) {
    if (length == tokens.length) {
      tokens = Arrays.copyOf(tokens, 2 * length);
    }
    tokens[length++] = token;
  }

  /** What may come next, {@code room} tokens at the most; often nothing. */
  int[] guess(int room) {
    for (int key = KEY; key > 0; key--) {
      int end = endOfLast(key);
      if (end > 0) {
        int wanted = key == KEY ? most : FEW;
        return after(end, Math.max(0, Math.min(wanted, room)));
      }
    }
    return new int[0];
  }

  /** Where the text's last {@code key} tokens ended when they last stood before; 0 if nowhere. */
  private int endOfLast(int key) {
    for (int end = length - 1; end >= key; end--) {
      if (Arrays.equals(tokens, end - key, end, tokens, length - key, length)) {
        return end;
      }
    }
    return 0;
  }

  /** The {@code n} tokens from there on; where the text ends, again from there. */
  private int[] after(int start, int n) {
    int[] guesses = new int[n];
    int period = length - start;
    for (int i = 0; i < n; i++) {
      guesses[i] = i < period ? tokens[start + i] : guesses[i - period];
    }
    return guesses;
  }

  /** Learns how many of the guessed tokens held. */
  void held(int held, int guessed) {
    most = held == guessed ? Math.min(MOST, 2 * most) : Math.max(FEW, held);
  }
}
