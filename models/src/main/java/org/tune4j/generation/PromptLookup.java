package org.tune4j.generation;

import java.util.Arrays;

/**
 * Guesses a text's next tokens: those that followed its last three where they stood before (Saxena
 * 2023, prompt lookup decoding). The model reads its weights once for all tokens of a pass, so that
 * guesses which hold come nearly free. How many are made follows how many held.
 */
final class PromptLookup {
  private static final int KEY = 3;
  private static final int FIRST = 4;
  private static final int MOST = 16;

  private int[] tokens;
  private int length;
  private int most = FIRST;

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
    for (int end = length - 1; end >= KEY; end--) {
      if (Arrays.equals(tokens, end - KEY, end, tokens, length - KEY, length)) {
        int[] guesses = new int[Math.max(0, Math.min(most, room))];
        int period = length - end;
        for (int i = 0; i < guesses.length; i++) {
          guesses[i] = i < period ? tokens[end + i] : guesses[i - period];
        }
        return guesses;
      }
    }
    return new int[0];
  }

  /** Learns how many of the guessed tokens held. */
  void held(int held, int guessed) {
    most = held == guessed ? Math.min(MOST, 2 * most) : Math.max(1, held);
  }
}
