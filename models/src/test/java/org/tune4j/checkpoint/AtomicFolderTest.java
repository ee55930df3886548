package org.tune4j.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tune4j.EnvironmentException;
import org.tune4j.InputException;

class AtomicFolderTest {
  @TempDir Path parent;

  @Test
  void write_newFolder_makesParents() throws IOException {
    Path target = parent.resolve("a/b/out");
    AtomicFolder.write(target, AtomicFolderTest::fill);
    assertEquals(List.of("deep", "file"), Golden.names(target));
    assertEquals("inner", Files.readString(target.resolve("deep/inner")));
    assertEquals(List.of("out"), Golden.names(target.getParent()));
  }

  @Test
  void write_existingFolder_isReplacedWhole() throws IOException {
    Path target = earlier();
    AtomicFolder.write(target, AtomicFolderTest::fill);
    assertEquals(List.of("deep", "file"), Golden.names(target));
    assertEquals(List.of("out"), Golden.names(parent));
  }

  @Test
  void write_contentFails_leavesTheEarlierFolder() throws IOException {
    Path target = earlier();
    assertEquals(
        "cannot write the folder "
            + target
            + ": No space left on device; free space or choose another output folder",
        assertThrows(
                EnvironmentException.class,
                () ->
                    AtomicFolder.write(
                        target,
                        folder -> {
                          fill(folder);
                          throw new IOException("No space left on device");
                        }))
            .getMessage());
    assertThrows(
        IllegalStateException.class,
        () ->
            AtomicFolder.write(
                target,
                folder -> {
                  fill(folder);
                  throw new IllegalStateException("stopped");
                }));
    assertEquals(List.of("earlier"), Golden.names(target));
    assertEquals(List.of("out"), Golden.names(parent));
  }

  /** Each writer sees what the other has just renamed: no write may fail, and none leave a rest. */
  @Test
  void write_twoAtOnce_oneOfThemStays() throws Exception {
    Path target = parent.resolve("out");
    Callable<Void> writer =
        () -> {
          for (int i = 0; i < 200; i++) {
            AtomicFolder.write(target, AtomicFolderTest::fill);
          }
          return null;
        };
    ExecutorService two = Executors.newFixedThreadPool(2);
    try {
      for (Future<Void> done : two.invokeAll(List.of(writer, writer))) {
        done.get();
      }
    } finally {
      two.shutdown();
    }
    assertEquals(List.of("deep", "file"), Golden.names(target));
    assertEquals(List.of("out"), Golden.names(parent));
  }

  @Test
  void write_fileInTheWay_isRefused() throws IOException {
    Path target = Files.writeString(parent.resolve("out"), "mine");
    assertEquals(
        "cannot write the folder " + target + ": a file has that name",
        assertThrows(InputException.class, () -> AtomicFolder.write(target, AtomicFolderTest::fill))
            .getMessage());
    assertEquals("mine", Files.readString(target));
  }

  @Test
  void restore_afterACutBetweenTheRenames_putsTheEarlierBack() throws IOException {
    Path target = earlier();
    Files.move(target, parent.resolve(".out.01234567.old"));
    Files.createDirectory(parent.resolve(".out.b.01234567.old"));
    AtomicFolder.restore(target);
    assertEquals(List.of("earlier"), Golden.names(target));
    assertEquals(List.of(".out.b.01234567.old", "out"), Golden.names(parent));
    AtomicFolder.restore(parent.resolve("absent/out"));
  }

  private Path earlier() throws IOException {
    Path target = Files.createDirectory(parent.resolve("out"));
    Files.writeString(target.resolve("earlier"), "kept");
    return target;
  }

  private static void fill(Path folder) throws IOException {
    Files.writeString(folder.resolve("file"), "outer");
    Files.createDirectory(folder.resolve("deep"));
    Files.writeString(folder.resolve("deep/inner"), "inner");
  }
}
