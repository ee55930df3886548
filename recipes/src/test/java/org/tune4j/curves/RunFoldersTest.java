package org.tune4j.curves;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.tune4j.UsageException;

class RunFoldersTest {
  @TempDir Path dir;

  private Path run(String folder) throws IOException {
    Path logs = Files.createDirectories(dir.resolve(folder));
    Files.writeString(logs.resolve("metrics.jsonl"), "{\"step\":1,\"loss\":1}\n");
    return logs;
  }

  private static List<String> names(RunFolders folders) {
    return folders.runs().stream().map(Run::name).toList();
  }

  @Test
  void open_findsRunsBeneath_namedByTheirPaths() throws IOException {
    run("out/b/logs");
    run("out/deep/a/logs");
    run("out/plain");
    run("out/.hidden/logs");
    run("out/b/inner/logs"); // a run's own folders are not searched
    assertEquals(
        List.of("b", "deep/a", "plain"), names(RunFolders.open(List.of(dir.resolve("out")))));
    assertEquals(List.of("b"), names(RunFolders.open(List.of(dir.resolve("out/b")))));
  }

  @Test
  void open_sameNameTwice_isToldApart() throws IOException {
    run("x/lora/logs");
    run("y/lora/logs");
    assertEquals(
        List.of("lora", dir.toRealPath().resolve("y/lora").toString()),
        names(RunFolders.open(List.of(dir.resolve("x/lora"), dir.resolve("y/lora")))));
  }

  @Test
  void open_folderNamedTwice_isOneRun() throws IOException {
    run("x/logs");
    assertEquals(1, RunFolders.open(List.of(dir, dir.resolve("x"))).runs().size());
  }

  @Test
  @DisabledOnOs(value = OS.WINDOWS, disabledReason = "links need a right on Windows")
  void open_followsNoLinkBeneath() throws IOException {
    run("elsewhere/logs");
    Path out = Files.createDirectories(dir.resolve("out"));
    Files.createSymbolicLink(out.resolve("folder"), dir.resolve("elsewhere"));
    Files.createDirectories(out.resolve("logs-link"));
    Files.createSymbolicLink(out.resolve("logs-link/logs"), dir.resolve("elsewhere/logs"));
    Files.createDirectories(out.resolve("file-link"));
    Files.createSymbolicLink(
        out.resolve("file-link/metrics.jsonl"), dir.resolve("elsewhere/logs/metrics.jsonl"));
    RunFolders folders = RunFolders.open(List.of(out));
    assertEquals(List.of(), folders.runs());
    assertEquals(List.of(out.toRealPath()), folders.withoutRuns());
    assertEquals(List.of("elsewhere"), names(RunFolders.open(List.of(out.resolve("folder")))));
  }

  @Test
  void search_addsNewRuns_dropsGoneOnes_keepsOthers() throws IOException {
    Path first = run("a/logs");
    run("b/logs");
    RunFolders folders = RunFolders.open(List.of(dir));
    Run b = folders.runs().get(1);
    Files.delete(first.resolve("metrics.jsonl"));
    run("c/logs");
    folders.search();
    assertEquals(List.of("b", "c"), names(folders));
    assertSame(b, folders.runs().get(0));
  }

  @Test
  void open_whatIsNoFolder_says() throws IOException {
    Path file = Files.createFile(dir.resolve("file"));
    assertEquals(
        file + " is a file; name the run's folder, its output_dir",
        assertThrows(UsageException.class, () -> RunFolders.open(List.of(file))).getMessage());
    assertEquals(
        "there is no folder " + dir.resolve("no") + "; name the folders of runs",
        assertThrows(UsageException.class, () -> RunFolders.open(List.of(dir.resolve("no"))))
            .getMessage());
  }
}
