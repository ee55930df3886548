package org.tune4j.inference;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class InferenceModelTest {
  @ParameterizedTest
  @CsvSource({"100, 200, true", "100, 199, false", "0, 0, true"})
  void leavesRoom_asMuchAsTheCopyTakes(long weights, long free, boolean expected) {
    assertEquals(expected, InferenceModel.leavesRoom(weights, OptionalLong.of(free)));
  }

  @Test
  void leavesRoom_nobodyKnows_isTried() {
    assertTrue(InferenceModel.leavesRoom(100, OptionalLong.empty()));
  }
}
