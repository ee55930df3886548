package org.tune4j.optim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.tune4j.UsageException;

class CosineTest {
  private static final Pattern KEY = Pattern.compile("warmup=(\\d+),total=(\\d+),cycles=([\\d.]+)");

  @Test
  void factor_goldenSchedules_equal() throws IOException {
    try (InputStream in = getClass().getResourceAsStream("/golden/schedules.json")) {
      JsonNode golden = new ObjectMapper().readTree(in);
      double base = golden.get("base_lr").asDouble();
      int compared = 0;
      for (Map.Entry<String, JsonNode> e : golden.get("lr_used_at_step").properties()) {
        Matcher m = KEY.matcher(e.getKey());
        if (!m.matches()) {
          throw new AssertionError(e.getKey());
        }
        LrSchedule s = new Cosine(Integer.parseInt(m.group(1)), Double.parseDouble(m.group(3)));
        for (int i = 0; i < e.getValue().size(); i++) {
          assertEquals(
              e.getValue().get(i).asDouble(),
              base * s.factor(i, Long.parseLong(m.group(2))),
              1e-15,
              e.getKey());
          compared++;
        }
      }
      assertEquals(1060, compared);
    }
  }

  @Test
  void construct_negativeWarmup_refused() {
    UsageException e = assertThrows(UsageException.class, () -> new Cosine(-1, 0.5));
    assertEquals("num_warmup_steps is -1, expected 0 or more", e.getMessage());
  }
}
