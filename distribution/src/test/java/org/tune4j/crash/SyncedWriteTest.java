package org.tune4j.crash;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * A killed process leaves what it wrote in the kernel's memory; a machine without power does not.
 * So the order of the calls is read from strace: a folder gets its name when each of its files and
 * the folder itself are on the disk, and the name is on the disk after it. Linux with strace only.
 */
@EnabledOnOs(value = OS.LINUX, disabledReason = "system calls are traced by strace")
@Tag("process")
class SyncedWriteTest {
  private static final Pattern SYNC = Pattern.compile("f(?:data)?sync\\(\\d+<([^>]*)>");
  private static final Pattern RENAME = Pattern.compile("rename\\(\"([^\"]*)\", \"([^\"]*)\"");

  @TempDir Path temp;

  @Test
  void save_everyFolder_isSyncedBeforeAndAfterItsRename() throws Exception {
    assumeTrue(KilledWriteTest.canTrace(), "strace is missing, or may not trace here");
    Path out = temp.toRealPath().resolve("out");
    Path trace = temp.resolve("trace");
    List<String> run =
        TuneProcess.concat(
            TuneProcess.jvm(),
            TuneProcess.arguments(
                TuneProcess.backends().get(0), out, "epochs=1", "save_every_n_steps=2"));
    List<String> strace =
        List.of(
            "strace",
            "-f",
            "-y",
            "-s",
            "4096",
            "-o",
            trace.toString(),
            "-e",
            "trace=fsync,fdatasync,rename");
    TuneProcess p = TuneProcess.start(temp, TuneProcess.concat(strace, run));
    assertEquals(0, p.exitCode(), p::err);

    List<String> calls = Files.readAllLines(trace);
    Set<Path> renamed = new TreeSet<>();
    for (int i = 0; i < calls.size(); i++) {
      Matcher rename = RENAME.matcher(calls.get(i));
      if (!rename.find() || !Files.isDirectory(Path.of(rename.group(2)))) {
        continue;
      }
      Path aside = Path.of(rename.group(1));
      Path place = Path.of(rename.group(2));
      renamed.add(place);
      Set<String> before = synced(calls.subList(0, i));
      for (Path file : filesOf(place)) {
        Path then = aside.resolve(place.relativize(file));
        assertTrue(before.contains(then.toString()), then + " is not synced before its rename");
      }
      assertTrue(before.contains(aside.toString()), aside + " is not synced before its rename");
      assertTrue(
          synced(calls.subList(i, calls.size())).contains(place.getParent().toString()),
          place + "'s name is not synced");
    }
    assertTrue(renamed.contains(out.resolve("epoch_0")), renamed::toString);
    assertTrue(renamed.contains(out.resolve("checkpoints/step_4")), renamed::toString);
  }

  private static Set<String> synced(List<String> calls) {
    return calls.stream()
        .map(SYNC::matcher)
        .filter(Matcher::find)
        .map(m -> m.group(1))
        .collect(Collectors.toSet());
  }

  private static List<Path> filesOf(Path folder) throws Exception {
    try (Stream<Path> all = Files.walk(folder)) {
      return all.filter(Files::isRegularFile).toList();
    }
  }
}
