package org.tune4j.platform;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.nio.file.attribute.UserPrincipal;
import java.util.EnumSet;
import java.util.Set;
import org.tune4j.EnvironmentException;
import org.tune4j.TuneException;

/**
 * Where a library unpacks its natives. Whoever can write there decides what this process runs, so
 * no other user may.
 */
public final class NativeFolder {
  private static final int STICKY = 01000;
  private static final int OTHERS_WRITE = 02;

  private NativeFolder() {}

  /**
   * A folder in the user's home; where that cannot be written, one of the user's own among
   * temporary files.
   *
   * @param name as the library has it, with slashes
   * @param setting what names another folder, for errors
   * @return it, made where it was not there
   * @throws EnvironmentException when another user could have put something there, or none can be
   *     made
   */
  public static Path ofUser(String name, String setting) {
    Path home = Path.of(System.getProperty("user.home", ""));
    if (home.isAbsolute() && Files.isWritable(home)) {
      return of(home.resolve(name), setting);
    }
    Path temporary = Path.of(System.getProperty("java.io.tmpdir", "/tmp"));
    String user = System.getProperty("user.name", "").replaceAll("[^A-Za-z0-9_-]", "_");
    return of(temporary.resolve("tune4j-natives-" + user).resolve(name), setting);
  }

  /** A folder, after the same checks. */
  static Path of(Path folder, String setting) {
    try {
      if (folder.getFileSystem().supportedFileAttributeViews().contains("unix")) {
        Files.createDirectories(
            folder,
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        check(folder.toRealPath(), setting);
      } else {
        Files.createDirectories(folder);
      }
      return folder;
    } catch (IOException e) {
      throw new EnvironmentException(
          "native libraries cannot be unpacked into %s: %s; set %s to your own folder"
              .formatted(folder, TuneException.reason(e), setting),
          e);
    }
  }

  private static void check(Path folder, String setting) throws IOException {
    Path probe = Files.createTempFile(folder, ".probe", "");
    UserPrincipal self = Files.getOwner(probe);
    Files.delete(probe);
    if (!Files.getOwner(folder).equals(self)) {
      throw refused(folder, "belongs to " + Files.getOwner(folder).getName(), setting);
    }
    for (Path p = folder; p != null; p = p.getParent()) {
      int mode = (Integer) Files.getAttribute(p, "unix:mode");
      // Entries of a sticky folder, as /tmp is, are their owners' alone.
      if ((mode & OTHERS_WRITE) != 0 && (p.equals(folder) || (mode & STICKY) == 0)) {
        throw refused(folder, p + " can be written by all users", setting);
      }
    }
    Set<PosixFilePermission> granted = EnumSet.copyOf(Files.getPosixFilePermissions(folder));
    if (granted.remove(PosixFilePermission.GROUP_WRITE)) {
      Files.setPosixFilePermissions(folder, granted); // a umask of 002 gave it
    }
  }

  private static EnvironmentException refused(Path folder, String why, String setting) {
    return new EnvironmentException(
        "native libraries are not unpacked into %s: %s, and its files would be executed; remove it, or set %s to your own folder"
            .formatted(folder, why, setting));
  }
}
