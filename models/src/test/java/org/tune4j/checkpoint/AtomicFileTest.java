package org.tune4j.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** What is made of a folder that cannot be synced. */
class AtomicFileTest {
  @TempDir Path folder;

  @Test
  @EnabledOnOs(value = OS.LINUX, disabledReason = "opens a folder and /dev/null")
  void syncFolder_thatFails_isThrown() throws IOException {
    FileChannel closed = FileChannel.open(folder);
    closed.close();
    assertThrows(ClosedChannelException.class, () -> AtomicFile.syncFolder(folder, path -> closed));
  }

  @Test
  @EnabledOnOs(value = OS.LINUX, disabledReason = "opens /dev/null")
  void syncFolder_onAFileSystemThatKnowsNone_isLeftToIt() throws IOException {
    Path unsynced = Path.of("/dev/null");
    try (FileChannel channel = FileChannel.open(unsynced)) {
      assertEquals(
          "Invalid argument",
          assertThrows(IOException.class, () -> channel.force(true)).getMessage());
    }
    AtomicFile.syncFolder(unsynced);
  }

  @Test
  void syncFolder_onASystemThatOpensNone_isLeftToIt() throws IOException {
    AtomicFile.syncFolder(
        folder,
        path -> {
          throw new AccessDeniedException(path.toString());
        });
  }
}
