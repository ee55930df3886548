package org.tune4j.metrics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tune4j.metrics.MetricLogger.Outcome;

/** Event files, read by a decoder that shares nothing with their writer. */
class TensorBoardLoggerTest {
  @TempDir Path output;

  private record Event(String version, long step, boolean start, Map<String, Float> values) {}

  /** CRC-32C bit by bit, from its polynomial, masked as TFRecord has it. */
  private static int maskedCrc(byte[] bytes) {
    int crc = -1;
    for (byte b : bytes) {
      crc ^= b & 0xff;
      for (int i = 0; i < 8; i++) {
        crc = (crc >>> 1) ^ ((crc & 1) == 0 ? 0 : 0x82f63b78);
      }
    }
    crc = ~crc;
    return ((crc >>> 15) | (crc << 17)) + 0xa282ead8;
  }

  private static List<Event> read(Path file) throws IOException {
    ByteBuffer in = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    List<Event> events = new ArrayList<>();
    while (in.hasRemaining()) {
      byte[] length = new byte[8];
      in.get(length);
      assertEquals(maskedCrc(length), in.getInt());
      byte[] data =
          new byte[(int) ByteBuffer.wrap(length).order(ByteOrder.LITTLE_ENDIAN).getLong()];
      in.get(data);
      assertEquals(maskedCrc(data), in.getInt());
      events.add(event(ByteBuffer.wrap(data).order(ByteOrder.LITTLE_ENDIAN)));
    }
    return events;
  }

  private static Event event(ByteBuffer in) {
    String version = "";
    long step = 0;
    boolean start = false;
    Map<String, Float> values = new TreeMap<>();
    while (in.hasRemaining()) {
      int key = (int) varint(in);
      switch (key) {
        case 1 << 3 | 1 -> assertTrue(in.getDouble() > 1.7e9, "wall time in seconds");
        case 2 << 3 -> step = varint(in);
        case 3 << 3 | 2 -> version = StandardCharsets.UTF_8.decode(nested(in)).toString();
        case 5 << 3 | 2 -> {
          ByteBuffer summary = nested(in);
          while (summary.hasRemaining()) {
            assertEquals(1 << 3 | 2, varint(summary));
            ByteBuffer value = nested(summary);
            assertEquals(1 << 3 | 2, varint(value));
            String tag = StandardCharsets.UTF_8.decode(nested(value)).toString();
            assertEquals(2 << 3 | 5, varint(value));
            values.put(tag, value.getFloat());
          }
        }
        case 7 << 3 | 2 -> {
          ByteBuffer session = nested(in);
          assertEquals(1 << 3, varint(session));
          start = varint(session) == 1;
        }
        default -> throw new AssertionError("unknown field " + key);
      }
    }
    return new Event(version, step, start, values);
  }

  private static ByteBuffer nested(ByteBuffer in) {
    int length = (int) varint(in);
    ByteBuffer part = in.slice(in.position(), length).order(ByteOrder.LITTLE_ENDIAN);
    in.position(in.position() + length);
    return part;
  }

  private static long varint(ByteBuffer in) {
    long value = 0;
    for (int shift = 0; ; shift += 7) {
      byte b = in.get();
      value |= (long) (b & 0x7f) << shift;
      if (b >= 0) {
        return value;
      }
    }
  }

  private static List<Path> eventFiles(Path dir) throws IOException {
    try (Stream<Path> all = Files.walk(dir)) {
      return all.filter(f -> f.getFileName().toString().startsWith("events.")).sorted().toList();
    }
  }

  private void log(long made, long to) throws IOException {
    MetricLogger logger = new TensorBoardLogger(null, true).open(LoggerFixture.run(output, made));
    for (StepMetrics m : LoggerFixture.steps(made + 1, to)) {
      logger.log(m);
    }
    logger.close(Outcome.FINISHED);
  }

  @Test
  void log_steps_scalarsByName() throws IOException {
    log(0, 300);
    List<Event> events = read(eventFiles(output).get(0));
    assertEquals("brain.Event:2", events.get(0).version());
    assertTrue(events.get(1).start());
    assertEquals(302, events.size());
    Event last = events.get(301);
    assertEquals(300, last.step());
    assertEquals(4f / 300, last.values().get("loss"));
    assertEquals(80f, last.values().get("tokens_per_second"));
    assertEquals(
        LoggerFixture.step(300).values().keySet(), new java.util.HashSet<>(last.values().keySet()));
  }

  @Test
  void open_afterAKill_newFileInTheSameFolderForgetsLaterSteps() throws IOException {
    log(0, 12);
    log(10, 20);
    List<Path> files = eventFiles(output);
    assertEquals(2, files.size());
    assertEquals(files.get(0).getParent(), files.get(1).getParent());
    List<Event> second = read(files.get(1));
    assertTrue(second.get(1).start());
    assertEquals(11, second.get(1).step());
    assertEquals(11, second.get(2).step());
    assertEquals(12, second.size());
  }

  @Test
  void open_newToAResumedRun_getsAllSteps() throws IOException {
    log(10, 12);
    List<Event> events = read(eventFiles(output).get(0));
    assertEquals(List.of(0L, 1L, 1L, 2L), events.stream().limit(4).map(Event::step).toList());
    assertEquals(14, events.size());
  }
}
