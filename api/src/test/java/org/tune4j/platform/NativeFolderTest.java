package org.tune4j.platform;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.tune4j.EnvironmentException;

@EnabledOnOs(
    value = {OS.LINUX, OS.MAC},
    disabledReason = "Windows has no modes of files")
class NativeFolderTest {
  @TempDir Path dir;

  private static void mode(Path folder, String mode) throws IOException {
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString(mode));
  }

  private static String modeOf(Path folder) throws IOException {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(folder));
  }

  @Test
  void of_missing_isMadeForItsUserAlone() throws IOException {
    Path folder = NativeFolder.of(dir.resolve("a/b"), "CACHE");
    assertEquals("rwx------", modeOf(folder));
    assertEquals("rwx------", modeOf(folder.getParent()));
  }

  @Test
  void of_writableByItsGroup_isNoLonger() throws IOException {
    Path folder = Files.createDirectory(dir.resolve("a"));
    mode(folder, "rwxrwxr-x");
    NativeFolder.of(folder, "CACHE");
    assertEquals("rwxr-xr-x", modeOf(folder));
  }

  @Test
  void of_writableByAll_isRefused() throws IOException {
    Path folder = Files.createDirectory(dir.resolve("a"));
    mode(folder, "rwxrwxrwx");
    EnvironmentException e =
        assertThrows(EnvironmentException.class, () -> NativeFolder.of(folder, "CACHE"));
    Path real = folder.toRealPath();
    assertEquals(
        "native libraries are not unpacked into %s: %s can be written by all users, and its files would be executed; remove it, or set CACHE to your own folder"
            .formatted(real, real),
        e.getMessage());
    Path inside = folder.resolve("b");
    assertThrows(EnvironmentException.class, () -> NativeFolder.of(inside, "CACHE"));
  }

  @Test
  void of_anotherUsers_isRefused() throws IOException {
    Path folder = Files.createDirectory(dir.resolve("a"));
    try {
      Files.setAttribute(folder, "unix:uid", 65_534);
    } catch (IOException e) {
      assumeTrue(false, "root alone gives folders away");
    }
    EnvironmentException e =
        assertThrows(EnvironmentException.class, () -> NativeFolder.of(folder, "CACHE"));
    assertTrue(e.getMessage().contains(": belongs to "), e.getMessage());
  }

  @Test
  void of_aFileInItsPlace_saysWhatToSet() throws IOException {
    Path file = Files.writeString(dir.resolve("a"), "");
    EnvironmentException e =
        assertThrows(EnvironmentException.class, () -> NativeFolder.of(file.resolve("b"), "CACHE"));
    assertTrue(
        e.getMessage()
                .startsWith("native libraries cannot be unpacked into " + file.resolve("b") + ": ")
            && e.getMessage().endsWith("; set CACHE to your own folder"),
        e.getMessage());
  }
}
