package org.tune4j.platform;

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
class FolderSyncTest {
  @TempDir Path folder;

  @Test
  @EnabledOnOs(value = OS.LINUX, disabledReason = "opens a folder and /dev/null")
  void sync_thatFails_isThrown() throws IOException {
    FileChannel closed = FileChannel.open(folder);
    closed.close();
    assertThrows(ClosedChannelException.class, () -> FolderSync.sync(folder, path -> closed));
  }

  @Test
  @EnabledOnOs(value = OS.LINUX, disabledReason = "opens /dev/null")
  void sync_onAFileSystemThatKnowsNone_isLeftToIt() throws IOException {
    Path unsynced = Path.of("/dev/null");
    try (FileChannel channel = FileChannel.open(unsynced)) {
      assertEquals(
          "Invalid argument",
          assertThrows(IOException.class, () -> channel.force(true)).getMessage());
    }
    FolderSync.sync(unsynced);
  }

  @Test
  void sync_onASystemThatOpensNone_isLeftToIt() throws IOException {
    FolderSync.sync(
        folder,
        path -> {
          throw new AccessDeniedException(path.toString());
        });
  }
}
