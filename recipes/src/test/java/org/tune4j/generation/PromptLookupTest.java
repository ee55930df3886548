package org.tune4j.generation;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import org.junit.jupiter.api.Test;

final class PromptLookupTest {
  private static PromptLookup of(int... prompt) {
    return new PromptLookup(prompt);
  }

  @Test
  void guess_afterWordsThatStoodBefore_isWhatFollowedThemLast() {
    PromptLookup text = of(1, 2, 3, 9, 9, 1, 2, 3, 7, 8, 1, 2);
    assertArrayEquals(new int[] {3, 7, 8, 1}, text.guess(8));
    text.add(3);
    assertArrayEquals(new int[] {7, 8, 1, 2}, text.guess(8));
    assertArrayEquals(new int[] {7, 8}, text.guess(2));
    assertArrayEquals(new int[0], text.guess(0));
  }

  @Test
  void guess_inALoop_goesRound() {
    assertArrayEquals(new int[] {5, 5, 5, 5}, of(5, 5, 5, 5).guess(8));
    assertArrayEquals(new int[] {2, 1, 2, 1}, of(1, 2, 1, 2, 1).guess(8));
  }

  @Test
  void guess_afterFewerWords_isShort() {
    PromptLookup two = of(1, 2, 3, 4, 5, 6, 1, 2);
    two.held(4, 4);
    assertArrayEquals(new int[] {3, 4, 5, 6}, two.guess(8));
    assertArrayEquals(new int[] {2, 3, 4, 5}, of(1, 2, 3, 4, 5, 6, 1).guess(8));
    assertArrayEquals(new int[] {2}, of(1, 2, 3, 4, 5, 6, 1).guess(1));
  }

  @Test
  void guess_afterWordsThatAreNew_isNothing() {
    assertArrayEquals(new int[0], of(1).guess(8));
    assertArrayEquals(new int[0], of(1, 1, 2).guess(8));
  }

  @Test
  void held_decidesHowManyAreGuessed() {
    PromptLookup text = of(5, 5, 5, 5);
    text.held(4, 4);
    assertArrayEquals(new int[] {5, 5, 5, 5, 5, 5, 5, 5}, text.guess(99));
    text.held(5, 8);
    assertArrayEquals(new int[] {5, 5, 5, 5, 5}, text.guess(99));
    text.held(0, 5);
    assertArrayEquals(new int[] {5, 5, 5, 5}, text.guess(99));
  }
}
