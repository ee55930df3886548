package org.tune4j.runs;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.tune4j.EnvironmentException;
import org.tune4j.models.TestBackend;
import org.tune4j.nn.Parameter;
import org.tune4j.optim.Optimizer;
import org.tune4j.optim.Sgd;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.TensorScope;

/** Training waits for a copy of the tensors, not for the disk. */
class RunCheckpointsTest {
  private static final RunIdentity IDENTITY = new RunIdentity(Map.of(), "base", "data", 1);

  private final Engine engine = TestBackend.engine();

  private static RunState at(int step) {
    return new RunState(step, 0, step, null, 0);
  }

  private void fill(Parameter p, double value) {
    p.tensor().copyFrom(engine.zeros(DType.FP32, p.shape()).add(value));
  }

  /**
   * The disk takes no byte while three steps are saved: none of them waits, the newest takes the
   * place of the one that did, and what is written is what was when it was saved.
   */
  @Test
  @Timeout(600)
  void save_diskThatStands_doesNotWait(@TempDir Path out) throws Exception {
    CountDownLatch writing = new CountDownLatch(1);
    CountDownLatch disk = new CountDownLatch(1);
    Map<String, float[]> written = new ConcurrentHashMap<>();
    try (TensorScope scope = engine.openScope()) {
      Parameter p = new Parameter("w", Shape.of(3), DType.FP32, true);
      p.set(engine.zeros(DType.FP32, Shape.of(3)));
      Optimizer optimizer = new Sgd(1, 0.5, 0, false).create(List.of(p));
      RunCheckpoints checkpoints =
          new RunCheckpoints(
              out,
              3,
              Map.of("w", p),
              optimizer,
              IDENTITY,
              (folder, values) -> {
                writing.countDown();
                await(disk);
                ByteArrayOutputStream bytes = new ByteArrayOutputStream();
                values.get("w").bytes().writeTo(Channels.newChannel(bytes));
                float[] v = new float[3];
                ByteBuffer.wrap(bytes.toByteArray())
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .asFloatBuffer()
                    .get(v);
                written.put(String.valueOf(v[0]), v);
                Files.writeString(folder.resolve("w"), String.valueOf(v[0]));
              });
      fill(p, 1);
      checkpoints.save(at(1));
      assertTrue(writing.await(5, TimeUnit.MINUTES));
      fill(p, 2);
      checkpoints.save(at(2));
      fill(p, 3);
      checkpoints.save(at(3));
      fill(p, 4);
      assertEquals(Map.of(), written);
      disk.countDown();
      checkpoints.close();
    }
    assertEquals(List.of("step_1", "step_3"), names(out.resolve("checkpoints")));
    assertEquals("3.0", Files.readString(out.resolve("checkpoints/step_3/w")));
    assertArrayEquals(new float[] {3, 3, 3}, written.get("3.0"));
  }

  /** The disk has no room for step 1, and has again for step 2, which waits meanwhile. */
  @Test
  @Timeout(600)
  void save_whileAnotherFails_tellsItOnce(@TempDir Path out) throws Exception {
    CountDownLatch writing = new CountDownLatch(1);
    CountDownLatch disk = new CountDownLatch(1);
    RunCheckpoints checkpoints =
        new RunCheckpoints(
            out,
            3,
            () -> new TrainedState(0, Map.of(), Map.of(), Map.of(), () -> {}),
            IDENTITY,
            (folder, values) -> {
              if (writing.getCount() > 0) {
                writing.countDown();
                await(disk);
                throw new IOException("No space left on device");
              }
            });
    checkpoints.save(at(1));
    assertTrue(writing.await(5, TimeUnit.MINUTES));
    checkpoints.save(at(2));
    disk.countDown();
    assertEquals(
        "cannot write the folder %s: No space left on device; free space or choose another output folder"
            .formatted(out.resolve("checkpoints/step_1")),
        assertThrows(EnvironmentException.class, checkpoints::close).getMessage());
    checkpoints.check();
    checkpoints.close();
    assertEquals(List.of("step_2"), names(out.resolve("checkpoints")));
  }

  /** What it holds cannot be let go either, which is not why. */
  @Test
  @Timeout(600)
  void save_failsAndSoDoesItsRelease_tellsTheFirst(@TempDir Path out) {
    RunCheckpoints checkpoints =
        new RunCheckpoints(
            out,
            3,
            () ->
                new TrainedState(
                    0,
                    Map.of(),
                    Map.of(),
                    Map.of(),
                    () -> {
                      throw new EnvironmentException("cannot delete the ranks' files");
                    }),
            IDENTITY,
            (folder, values) -> {
              throw new IOException("No space left on device");
            });
    String told =
        assertThrows(EnvironmentException.class, () -> checkpoints.saveNow(at(1))).getMessage();
    assertTrue(told.contains("No space left on device"), told);
    checkpoints.close();
  }

  private static void await(CountDownLatch latch) {
    try {
      assertTrue(latch.await(5, TimeUnit.MINUTES), "the saving thread was waited for");
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static List<String> names(Path folder) throws IOException {
    try (Stream<Path> all = Files.list(folder)) {
      return all.map(p -> p.getFileName().toString()).sorted().toList();
    }
  }
}
