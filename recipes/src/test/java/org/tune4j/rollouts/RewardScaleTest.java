package org.tune4j.rollouts;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.tune4j.UsageException;
import org.tune4j.training.TrainingOptions;

class RewardScaleTest {
  private static double[] numbers(JsonNode list) {
    return StreamSupport.stream(list.spliterator(), false)
        .mapToDouble(JsonNode::asDouble)
        .toArray();
  }

  /** Golden/grpo/make_grpo.py. */
  @Test
  void advantages_areTrls() throws IOException {
    JsonNode golden =
        new ObjectMapper().readTree(getClass().getResourceAsStream("/golden/grpo/grpo.json"));
    assertEquals(3, golden.get("scaled").size());
    for (JsonNode c : golden.get("scaled")) {
      RewardScale scale = RewardScale.valueOf(c.get("scale").asText().toUpperCase(Locale.ROOT));
      assertArrayEquals(
          numbers(c.get("advantages")),
          scale.advantages(numbers(c.get("rewards")), 4),
          1e-12,
          scale.name());
    }
  }

  @Test
  void numbersOutOfRange_areNamed() {
    UsageException e =
        assertThrows(
            UsageException.class, () -> new RolloutOptions(1, 0, 0, RewardScale.GROUP, 0, true));
    assertEquals(
        List.of(
            "group_size is 1, expected 2 or more",
            "max_new_tokens is 0, expected 1 or more",
            "temperature is 0.0, expected a number above 0",
            "num_iterations is 0, expected 1 or more"),
        e.problems());
  }

  @Test
  void step_ofOtherThanWholeGroups_isRefused() {
    RolloutOptions options = new RolloutOptions(4, 8, 1, RewardScale.GROUP, 1, true);
    options.requireWholeGroups(new TrainingOptions(2, 1, null, 4, null, 0, true, 1L));
    UsageException e =
        assertThrows(
            UsageException.class,
            () ->
                options.requireWholeGroups(new TrainingOptions(3, 1, null, 2, null, 0, true, 1L)));
    assertEquals(
        "batch_size times gradient_accumulation_steps is 6 answers, expected a multiple of"
            + " group_size=4",
        e.getMessage());
  }
}
