package org.tune4j.docs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.Test;

/** The licences that the archive and the image carry. */
class LicensesTest {
  private static final Path FOLDER = Path.of("src/main/licenses");
  private static final Pattern NATIVE =
      Pattern.compile("(?:.*/)?([^/]+\\.(?:so|dylib|dll)(?:[._][^/]*)?)");
  private static final Pattern QUOTED = Pattern.compile("`([^`]+)`");

  /** A row of the table: the libraries' names and the files with their licences. */
  private record Row(List<String> libraries, List<String> texts) {
    boolean covers(String library) {
      return libraries.stream()
          .anyMatch(l -> library.matches(Pattern.quote(l).replace("*", "\\E.*\\Q")));
    }
  }

  private static List<Row> rows() throws IOException {
    List<Row> rows = new ArrayList<>();
    for (String line : Files.readAllLines(FOLDER.resolve("README.md"))) {
      String[] cells = line.split("\\|", -1);
      if (cells.length == 7 && cells[1].contains("`")) {
        rows.add(new Row(quoted(cells[1]), quoted(cells[5])));
      }
    }
    return rows;
  }

  private static List<String> quoted(String cell) {
    return QUOTED.matcher(cell).results().map(m -> m.group(1)).toList();
  }

  @Test
  void nativeLibraries_ofEveryJar_areInTheTable() throws IOException {
    List<Row> rows = rows();
    Set<String> missing = new TreeSet<>();
    int found = 0;
    for (String jar : System.getProperty("java.class.path").split(File.pathSeparator, -1)) {
      if (!jar.endsWith(".jar") || jar.contains("byte-buddy-agent")) { // a tests' dependency
        continue;
      }
      try (ZipFile zip = new ZipFile(jar)) {
        for (String entry : zip.stream().map(e -> e.getName()).toList()) {
          Matcher m = NATIVE.matcher(entry);
          if (m.matches()) {
            found++;
            if (rows.stream().noneMatch(r -> r.covers(m.group(1)))) {
              missing.add(Path.of(jar).getFileName() + ": " + m.group(1));
            }
          }
        }
      }
    }
    assertTrue(found > 10, "only " + found + " native libraries");
    assertEquals(Set.of(), missing);
  }

  /** Of the jars that {@code PlatformsTest} lists, which only builds for those platforms have. */
  @Test
  void nativeLibraries_ofOtherPlatforms_areInTheTable() throws IOException {
    List<Row> rows = rows();
    for (String library :
        List.of(
            "libtorch_cpu.dylib",
            "libc10.dylib",
            "libomp.dylib",
            "libiomp5.dylib",
            "libjnitorch.dylib",
            "libopenblas.0.dylib",
            "libgfortran.5.dylib",
            "libquadmath.0.dylib",
            "libgcc_s.1.1.dylib",
            "torch_cpu.dll",
            "c10.dll",
            "jnitorch.dll",
            "uv.dll",
            "fbgemm.dll",
            "asmjit.dll",
            "libiomp5md.dll",
            "libiompstubs5md.dll",
            "libomp140.x86_64.dll",
            "msvcp140_1.dll",
            "vcruntime140_threads.dll",
            "concrt140.dll",
            "vcomp140.dll",
            "ucrtbase.dll",
            "api-ms-win-crt-heap-l1-1-0.dll",
            "libopenblas.dll",
            "libopenblasp-r0-1a7698bc.3.29.so",
            "libarm_compute-8191e2aa.so",
            "libgomp-58a43326.so.1.0.0")) {
      assertTrue(rows.stream().anyMatch(row -> row.covers(library)), library);
    }
  }

  @Test
  void texts_ofTheTable_areThere() throws IOException {
    Set<String> named = new TreeSet<>(List.of("README.md"));
    for (Row row : rows()) {
      assertTrue(!row.texts.isEmpty(), row.toString());
      named.addAll(row.texts);
    }
    named.remove("LICENSE");
    try (Stream<Path> files = Files.list(FOLDER)) {
      assertEquals(named, new TreeSet<>(files.map(f -> f.getFileName().toString()).toList()));
    }
  }

  @Test
  void archive_carriesNoticeAndLicences() throws IOException {
    String archive = Files.readString(Path.of("src/main/assembly/archive.xml"));
    for (String part : List.of("../LICENSE", "../NOTICE", "src/main/licenses", "target/licenses")) {
      assertTrue(archive.contains(">" + part + "<"), part);
    }
    assertTrue(Files.readString(Path.of("../NOTICE")).contains("distribution/src/main/licenses"));
  }
}
