package org.tune4j.launcher;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Which native jars Maven puts into a build for each platform. */
@Tag("process")
class PlatformsTest {
  private static final String PYTORCH = "org.bytedeco:pytorch:2.10.0-1.5.13:";
  private static final String OPENBLAS = "org.bytedeco:openblas:0.3.31-1.5.13:";
  private static final String JAVACPP = "org.bytedeco:javacpp:1.5.13:";
  private static final String DJL = "ai.djl.pytorch:pytorch-native-cpu:2.7.1:";

  /** All that is published: {@link #natives_arePublished} asks the repository. */
  private static final Map<String, Set<String>> NATIVES =
      Map.of(
          "linux-x86_64",
          Set.of(
              PYTORCH + "linux-x86_64",
              OPENBLAS + "linux-x86_64",
              JAVACPP + "linux-x86_64",
              DJL + "linux-x86_64"),
          "linux-arm64",
          Set.of(DJL + "linux-aarch64"),
          "macosx-arm64",
          Set.of(
              PYTORCH + "macosx-arm64",
              OPENBLAS + "macosx-arm64",
              JAVACPP + "macosx-arm64",
              DJL + "osx-aarch64"),
          "macosx-x86_64",
          Set.of(PYTORCH + "macosx-x86_64", OPENBLAS + "macosx-x86_64", JAVACPP + "macosx-x86_64"),
          "windows-x86_64",
          Set.of(
              PYTORCH + "windows-x86_64",
              OPENBLAS + "windows-x86_64",
              JAVACPP + "windows-x86_64",
              DJL + "win-x86_64"));

  private static final Pattern NATIVE =
      Pattern.compile("(org\\.bytedeco|ai\\.djl\\.pytorch):([^:]+):jar:([^:]+):([^:]+):runtime");

  @TempDir Path temp;

  /** How a platform is told to Maven, and what it should choose. */
  static Stream<Arguments> platforms() {
    return Stream.concat(
        NATIVES.keySet().stream()
            .sorted()
            .map(p -> Arguments.of("-Dplatform=" + p, "", NATIVES.get(p))),
        Stream.of(
            Arguments.of("-Dplatform=all", "", all()),
            onMachine("Linux", "amd64", "linux-x86_64"),
            onMachine("Linux", "aarch64", "linux-arm64"),
            onMachine("MacOSX", "aarch64", "macosx-arm64"),
            onMachine("MacOSX", "x86_64", "macosx-x86_64"),
            onMachine("Windows", "amd64", "windows-x86_64")));
  }

  private static Arguments onMachine(String os, String arch, String platform) {
    return Arguments.of(
        "-Dunused", "-Dos.name=%s -Dos.arch=%s".formatted(os, arch), NATIVES.get(platform));
  }

  private static Set<String> all() {
    return NATIVES.values().stream().flatMap(Set::stream).collect(Collectors.toSet());
  }

  @ParameterizedTest
  @MethodSource("platforms")
  void build_hasThePlatformsNatives(String argument, String jvm, Set<String> expected)
      throws Exception {
    Path tree = temp.resolve("tree");
    String log =
        maven(
            jvm,
            "-o",
            argument,
            "-f",
            Path.of("../pom.xml").toAbsolutePath().normalize().toString(),
            "-pl",
            "backend-djl,backend-javacpp",
            "-am",
            "org.apache.maven.plugins:maven-dependency-plugin:3.9.0:tree",
            "-DappendOutput=true",
            "-DoutputFile=" + tree);
    assertTrue(Files.exists(tree), log);
    Set<String> natives = new TreeSet<>();
    Matcher m = NATIVE.matcher(Files.readString(tree));
    while (m.find()) {
      natives.add(m.group(1) + ":" + m.group(2) + ":" + m.group(4) + ":" + m.group(3));
    }
    assertEquals(new TreeSet<>(expected), natives, log);
  }

  @Test
  void platform_thatThereIsNot_isRefused() throws Exception {
    String log =
        maven(
            "",
            "-o",
            "-Dplatform=beos",
            "-f",
            Path.of("../pom.xml").toAbsolutePath().normalize().toString(),
            "-N",
            "enforcer:enforce@rules");
    assertTrue(log.contains("-Dplatform is beos; expected linux-x86_64, linux-arm64,"), log);
  }

  /** By their checksums, since the jars are hundreds of megabytes. */
  @Test
  @Tag("long")
  void natives_arePublished() throws Exception {
    StringBuilder pom =
        new StringBuilder(
            "<project><modelVersion>4.0.0</modelVersion><groupId>a</groupId><artifactId>a</artifactId>"
                + "<version>1</version><packaging>pom</packaging><dependencies>");
    for (String n : all()) {
      String[] parts = n.split(":");
      pom.append(
          ("<dependency><groupId>%s</groupId><artifactId>%s</artifactId><version>%s</version>"
                  + "<classifier>%s</classifier><type>jar.sha1</type><exclusions><exclusion>"
                  + "<groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>"
                  + "</dependency>")
              .formatted((Object[]) parts));
    }
    Path project = temp.resolve("pom.xml");
    Files.writeString(project, pom + "</dependencies></project>");
    String log =
        maven(
            "",
            "-f",
            project.toString(),
            "-Dmaven.repo.local=" + temp.resolve("repository"),
            "-Dmaven.repo.local.tail=" + System.getProperty("tune4j.it.downloads"),
            "org.apache.maven.plugins:maven-dependency-plugin:3.9.0:resolve");
    assertTrue(log.contains("BUILD SUCCESS"), log);
  }

  /** What it prints, whether it succeeds or not. */
  private String maven(String jvm, String... arguments) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("maven.home"), "bin", "mvn").toString());
    command.addAll(List.of("-B", "-ntp"));
    command.addAll(List.of(arguments));
    Path log = temp.resolve("log");
    ProcessBuilder maven =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
    maven.environment().put("MAVEN_OPTS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC " + jvm);
    Process process = maven.start();
    assertTrue(process.waitFor(30, TimeUnit.MINUTES), "Maven does not end");
    return Files.readString(log);
  }
}
