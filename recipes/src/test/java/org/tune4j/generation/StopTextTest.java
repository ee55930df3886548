package org.tune4j.generation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

final class StopTextTest {
  @Test
  void next_withoutStops_passesEverythingOn() {
    StopText text = new StopText(List.of());
    assertEquals("abc", text.next("abc"));
    assertEquals("", text.rest());
  }

  @Test
  void next_beginningOfAStop_isHeldUntilItIsNone() {
    StopText text = new StopText(List.of("\n\nQ:"));
    assertEquals("A: yes", text.next("A: yes\n"));
    assertEquals("", text.next("\n"));
    assertEquals("\n\nno", text.next("no"));
    assertEquals("", text.next("\n"));
    assertEquals("\n", text.rest());
    assertFalse(text.stopped());
  }

  @Test
  void next_stopOverSeveralPieces_endsBeforeIt() {
    StopText text = new StopText(List.of("END", "xyz"));
    assertEquals("one ", text.next("one E"));
    assertEquals("", text.next("N"));
    assertEquals("", text.next("D two"));
    assertTrue(text.stopped());
    assertEquals("", text.rest());
  }

  @Test
  void next_severalStops_endsBeforeTheFirstInTheText() {
    StopText text = new StopText(List.of("cd", "bc"));
    assertEquals("a", text.next("abcd"));
    assertTrue(text.stopped());
  }

  @Test
  void next_stopThatRepeatsItsBeginning_isFound() {
    StopText text = new StopText(List.of("aab"));
    assertEquals("a", text.next("aaa"));
    assertEquals("", text.next("b"));
    assertTrue(text.stopped());
  }
}
