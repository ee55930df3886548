package org.tune4j.platform;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Makes renames in a folder last. */
public final class FolderSync {
  /** EINVAL, of file systems that know no sync of folders, such as VirtualBox's shared ones. */
  private static final String UNSUPPORTED = "Invalid argument";

  private FolderSync() {}

  /** Opens a folder; a seam for tests. */
  @FunctionalInterface
  interface Opener {
    FileChannel open(Path folder) throws IOException;
  }

  /**
   * Returns when the folder's entries are on the disk. Windows cannot open a folder: NTFS journals
   * renames, and nothing is done.
   *
   * @param folder whose entries were made, renamed or deleted
   * @throws IOException when it is not known whether they will last
   */
  public static void sync(Path folder) throws IOException {
    sync(folder, path -> FileChannel.open(path, StandardOpenOption.READ));
  }

  static void sync(Path folder, Opener opener) throws IOException {
    FileChannel opened;
    try {
      opened = opener.open(folder);
    } catch (IOException e) {
      return;
    }
    try (FileChannel channel = opened) {
      channel.force(true);
    } catch (IOException e) {
      if (!UNSUPPORTED.equals(e.getMessage())) {
        throw e;
      }
    }
  }
}
