package org.tune4j.arrows;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The BOM has no parent: nothing else keeps it in step. */
class BomTest {
  private static String first(String pattern, String text) {
    Matcher m = Pattern.compile(pattern).matcher(text);
    return m.find() ? m.group(1) : "";
  }

  @Test
  void bom_hasEveryModuleInThisVersion() throws IOException {
    String root = Files.readString(Path.of("../pom.xml"));
    String bom = Files.readString(Path.of("../bom/pom.xml"));
    assertEquals(first("<version>([^<]+)</version>", root), first("<version>([^<]+)<", bom));
    Set<String> listed = new TreeSet<>();
    Matcher m = Pattern.compile("<dependency>.*?<artifactId>([^<]+)<").matcher(bom);
    while (m.find()) {
      listed.add(m.group(1));
    }
    Set<String> modules = new TreeSet<>();
    m = Pattern.compile("<module>([^<]+)</module>").matcher(root);
    while (m.find()) {
      if (!m.group(1).equals("bom")) {
        modules.add("tune4j-" + m.group(1));
      }
    }
    assertEquals(modules, listed);
  }
}
