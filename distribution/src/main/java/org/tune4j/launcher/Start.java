package org.tune4j.launcher;

import java.io.File;
import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Says how the JVM of a command is started. The scripts {@code tune} and {@code tune.cmd} run this
 * class, which builds what is missing and prints a folder: {@code COMMAND.env} there has a line
 * {@code NAME=VALUE} for each variable that is set unless the user has, {@code COMMAND.args} the
 * arguments of {@code java}, and {@code run} stands for every command without its own. {@code
 * depends} and {@code root} tell {@code tune} whether the folder is still right, so that a start
 * takes one JVM: {@code find} with the arguments in {@code depends} prints something where it is
 * not.
 *
 * <p>It is also run from this file, before anything is built, and so depends on the JDK alone.
 */
public final class Start {
  private static final boolean WINDOWS = File.separatorChar == '\\';

  /** Answer a token at a time. */
  private static final Set<String> AWAKE = Set.of("generate", "chat", "serve");

  /** Short commands, and those whose Java only hands tensors on. */
  private static final Set<String> LIGHT =
      Set.of("generate", "chat", "ls", "cat", "cp", "new", "validate", "backends", "env");

  private static final String OTHERS = "run";

  /** What {@code java} and {@code tune.cmd} decode files by. */
  private static final Charset NATIVE =
      Charset.forName(System.getProperty("native.encoding", "UTF-8"));

  private final Path root;
  private final boolean installed;
  private final Path target;
  private final Path classPathFile;
  private final String version;

  private Start(Path root, String version) {
    this.root = root;
    this.version = version;
    installed = !Files.exists(root.resolve("pom.xml")) && Files.isDirectory(root.resolve("lib"));
    target = root.resolve(installed ? "lib" : "distribution/target");
    // An archive has none; its script is as old as its jars.
    classPathFile = installed ? root.resolve("bin/tune") : target.resolve("class-path");
  }

  /**
   * Prints the folder, or to standard error why there is none; exits with 1 then.
   *
   * @param args the project's or the archive's folder, Java's version, and anything where it was
   *     built just now
   * @throws InterruptedException never
   * @throws ReflectiveOperationException when the build left another class of this name
   */
  public static void main(String[] args) throws InterruptedException, ReflectiveOperationException {
    try {
      Start start = new Start(Path.of(args[0]), args[1]);
      Path classes = start.target.resolve("classes");
      if (args.length == 2 && !start.isBuilt()) {
        start.build();
        if (Files.exists(classes.resolve("org/tune4j/launcher/Start.class"))) {
          // What was built may have other flags than this class, which was there before.
          try (URLClassLoader fresh =
              new URLClassLoader(new URL[] {classes.toUri().toURL()}, null)) {
            fresh
                .loadClass(Start.class.getName())
                .getMethod("main", String[].class)
                .invoke(null, (Object) new String[] {args[0], args[1], "built"});
          }
          return;
        }
      }
      System.out.println(start.plan());
    } catch (IOException e) {
      throw refused("cannot be started or built: " + e);
    }
  }

  // ---- Environment and flags; reasons and figures are in docs/design.md and `tune env` ----------

  /**
   * {@return the variables that are set for a command where the user has not}
   *
   * @param command its name
   */
  public static Map<String, String> environment(String command) {
    boolean linux = System.getProperty("os.name", "").toLowerCase(Locale.ROOT).startsWith("linux");
    Map<String, String> all = new LinkedHashMap<>();
    // OpenMP's and OpenBLAS' threads otherwise spin against each other.
    all.put("OMP_WAIT_POLICY", "passive");
    if (AWAKE.contains(command)) {
      // A token at a time is a thousand small products: threads that sleep between them take twice
      // as long to answer. 0.2 ms; at 0.05 runs differed by a third.
      all.put("GOMP_SPINCOUNT", "20000");
      // OpenBLAS' threads sleep at once then (2^4 cycles): beside those that spin, a prompt in
      // fp32 takes five times as long.
      all.put("OPENBLAS_THREAD_TIMEOUT", "4");
    }
    if (linux) {
      // glibc gives large tensors fresh pages each time otherwise; page faults then decide the
      // element-wise half of a step.
      all.put("MALLOC_MMAP_THRESHOLD_", "1073741824");
      all.put("MALLOC_TRIM_THRESHOLD_", "2147483648");
      all.put("MALLOC_TOP_PAD_", "67108864");
    }
    // oneDNN keeps the code that it made for the last 1024 shapes, a megabyte each; a step has
    // about a hundred.
    all.put("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "128");
    all.put("OPT_OUT_TRACKING", "true");
    return all;
  }

  private List<String> flags(String command) throws IOException {
    List<String> all =
        new ArrayList<>(
            List.of("-Xmx1g", "-Xmn64m", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-Xlog:disable"));
    all.addAll(List.of("-Xlog:all=error:stderr", "-Xlog:cds*=off:stderr"));
    if (LIGHT.contains(command)) {
      all.add("-XX:TieredStopAtLevel=1");
    } else {
      // The optimising compiler takes a core from the first steps' kernels: 20 times later.
      all.add("-XX:Tier4InvocationThreshold=100000");
      all.add("-XX:Tier4MinInvocationThreshold=12000");
      all.add("-XX:Tier4CompileThreshold=300000");
      all.add("-XX:Tier4BackEdgeThreshold=800000");
    }
    if (Runtime.version().feature() >= 24) {
      all.add("--enable-native-access=ALL-UNNAMED");
      all.add("--sun-misc-unsafe-memory-access=allow");
    }
    for (String property :
        List.of(
            "org.bytedeco.javacpp.maxBytes=0",
            "org.bytedeco.javacpp.maxPhysicalBytes=0",
            "org.bytedeco.javacpp.nopointergc=true",
            "ai.djl.offline=true",
            "OPT_OUT_TRACKING=true",
            "guice_bytecode_gen_option=DISABLED",
            "tune4j.home=" + root)) {
      all.add("-D" + property);
    }
    all.addAll(List.of("-cp", String.join(File.pathSeparator, classPath())));
    return all;
  }

  private List<String> classPath() throws IOException {
    if (installed) {
      return List.of(target + File.separator + "*");
    }
    List<String> all =
        new ArrayList<>(List.of(target.resolve("tune4j-distribution.jar").toString()));
    all.addAll(List.of(Files.readString(classPathFile, NATIVE).strip().split(File.pathSeparator)));
    return all;
  }

  // ---- Build --------------------------------------------------------------------------------

  /** Whether all that the class path names is there, of this folder, and no source is newer. */
  private boolean isBuilt() throws IOException {
    if (installed) {
      return true;
    }
    if (!Files.isRegularFile(classPathFile)) {
      return false;
    }
    List<String> entries = classPath().subList(1, classPath().size());
    boolean here = entries.stream().anyMatch(e -> Path.of(e).startsWith(root)); // or it was moved
    return here
        && entries.stream().allMatch(e -> Files.exists(Path.of(e)))
        && !newerSource(Files.getLastModifiedTime(classPathFile));
  }

  private boolean newerSource(FileTime built) throws IOException {
    for (String source : sources()) {
      try (Stream<Path> files = Files.walk(root.resolve(source))) {
        for (Path file : (Iterable<Path>) files::iterator) {
          if (Files.getLastModifiedTime(file).compareTo(built) > 0) {
            return true;
          }
        }
      }
    }
    return false;
  }

  /** Of the modules alone: a plugin's project in this folder is not part of the build. */
  private List<String> sources() throws IOException {
    List<String> all = new ArrayList<>();
    if (Files.exists(root.resolve("pom.xml"))) {
      all.add("pom.xml");
      Matcher m =
          Pattern.compile("<module>(.*)</module>")
              .matcher(Files.readString(root.resolve("pom.xml")));
      while (m.find()) {
        all.add(m.group(1) + "/pom.xml");
        all.add(m.group(1) + "/src/main");
      }
    }
    all.removeIf(source -> !Files.exists(root.resolve(source)));
    return all;
  }

  /** One build at a time; who waited finds it done. The system frees the lock of a killed one. */
  private void build() throws IOException, InterruptedException {
    Path home = Path.of(System.getProperty("java.home"));
    if (!Files.exists(home.resolve(WINDOWS ? "bin/javac.exe" : "bin/javac"))) {
      throw refused(
          home
              + " is a Java runtime without a compiler; building needs a JDK 17 or newer: set"
              + " JAVA_HOME");
    }
    Files.createDirectories(target);
    try (FileChannel channel =
            FileChannel.open(
                target.resolve("building.lock"),
                StandardOpenOption.CREATE,
                StandardOpenOption.WRITE);
        FileLock lock = locked(channel)) {
      if (lock.isValid() && !isBuilt()) {
        run(home);
      }
    }
  }

  private static FileLock locked(FileChannel channel) throws IOException {
    FileLock lock = channel.tryLock();
    if (lock == null) {
      System.err.println("tune: waiting for another build of Tune4J...");
      lock = channel.lock();
    }
    return lock;
  }

  private void run(Path home) throws IOException, InterruptedException {
    System.err.println("tune: building Tune4J (once)...");
    Path log = target.resolve("build.log");
    FileTime started = FileTime.from(System.currentTimeMillis(), TimeUnit.MILLISECONDS);
    List<String> command = new ArrayList<>(WINDOWS ? List.of("cmd", "/c") : List.of());
    command.add(root.resolve(WINDOWS ? "mvnw.cmd" : "mvnw").toString());
    command.addAll(List.of("-B", "-ntp", "-DskipTests", "-Dspotless.check.skip"));
    command.addAll(List.of("-pl", "distribution", "-am", "package"));
    ProcessBuilder maven =
        new ProcessBuilder(command)
            .directory(root.toFile())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile());
    maven.environment().put("JAVA_HOME", home.toString());
    Process process = maven.start();
    process.getOutputStream().close();
    if (process.waitFor() != 0) {
      List<String> lines = Files.readString(log, NATIVE).lines().toList();
      List<String> errors =
          lines.stream()
              .filter(l -> l.matches("\\[(ERROR|WARNING)\\] ([^ ]*\\.java|Failed).*"))
              .toList();
      List<String> shown = errors.isEmpty() ? lines : errors;
      shown.subList(Math.max(0, shown.size() - 20), shown.size()).forEach(System.err::println);
      throw refused("the build failed; the whole log is " + log);
    }
    if (!Files.exists(classPathFile)) {
      throw refused("the build left no " + classPathFile + "; see " + log);
    }
    // A source saved during the build is newer than its start.
    Files.setLastModifiedTime(classPathFile, started);
  }

  /** Ends the process. */
  private static IllegalStateException refused(String why) {
    System.err.println("tune: " + why);
    System.exit(1);
    return new IllegalStateException(why);
  }

  // ---- Plan ---------------------------------------------------------------------------------

  /** The folder, written again unless it is of this build. */
  private Path plan() throws IOException, InterruptedException {
    FileTime built = Files.getLastModifiedTime(classPathFile);
    if (!Files.isWritable(target)) {
      // Such as an archive that an administrator has unpacked; the Launcher deletes the folder.
      Path once = Files.createTempDirectory("tune4j-start-");
      write(once, List.of("-Dtune4j.once=" + once));
      return once;
    }
    Path plan = target.resolve("start-" + version);
    Path depends = plan.resolve("depends");
    Path owner = plan.resolve("root");
    String find = find(depends);
    if (Files.exists(owner)
        && Files.readString(owner, NATIVE).strip().equals(root.toString())
        && Files.readString(depends, NATIVE).equals(find)
        && Files.getLastModifiedTime(depends).equals(built)) {
      return plan;
    }
    Files.createDirectories(plan);
    write(plan, archive(built));
    put(depends, find);
    Files.setLastModifiedTime(depends, built);
    put(owner, root + "\n");
    return plan;
  }

  /** Arguments that make {@code find} print what is newer than a file, or that a jar is gone. */
  private String find(Path depends) throws IOException {
    List<String> all = new ArrayList<>(sources());
    if (installed) {
      try (Stream<Path> jars = Files.list(target)) {
        jars.map(Path::toString).filter(f -> f.endsWith(".jar")).sorted().forEach(all::add);
      }
    } else {
      all.add(classPathFile.toString());
      all.addAll(classPath());
      all.removeIf(f -> !Files.exists(root.resolve(f))); // as the first jar, in a made-up project
    }
    all.addAll(List.of("!", "-name", "*.jar", "-newer", depends.toString()));
    return lines(all);
  }

  private void write(Path plan, List<String> more) throws IOException {
    Set<String> commands = new TreeSet<>(LIGHT);
    commands.addAll(AWAKE);
    commands.add(OTHERS);
    for (String command : commands) {
      StringBuilder variables = new StringBuilder();
      environment(command).forEach((n, v) -> variables.append(n + "=" + v + "\n"));
      put(plan.resolve(command + ".env"), variables.toString());
      List<String> arguments = new ArrayList<>(more);
      arguments.addAll(flags(command));
      put(plan.resolve(command + ".args"), lines(arguments));
    }
  }

  /** In one piece: another start may be reading. */
  private static void put(Path file, String text) throws IOException {
    Path aside = Path.of(file + "." + ProcessHandle.current().pid());
    Files.writeString(aside, text, NATIVE);
    Files.move(aside, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
  }

  /** For {@code java}'s argument files and {@code xargs}. */
  private static String lines(List<String> arguments) {
    StringBuilder all = new StringBuilder();
    for (String a : arguments) {
      all.append('"').append(WINDOWS ? a.replace("\\", "\\\\") : a).append("\"\n");
    }
    return all.toString();
  }

  /**
   * Class data of one short run makes every later start faster. It fits one JVM and one build.
   *
   * @return the flag that uses it; nothing where it cannot be made
   */
  private List<String> archive(FileTime built) throws IOException, InterruptedException {
    Path archive = target.resolve("tune-" + version + ".jsa");
    if (!Files.exists(archive) || Files.getLastModifiedTime(archive).compareTo(built) < 0) {
      Path aside = Path.of(archive + "." + ProcessHandle.current().pid());
      List<String> command = new ArrayList<>();
      command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
      command.add("-XX:ArchiveClassesAtExit=" + aside);
      command.addAll(flags("validate"));
      command.addAll(
          List.of("org.tune4j.launcher.Launcher", "validate", "llama2/7B_lora_single_device"));
      ProcessBuilder run =
          new ProcessBuilder(command)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .redirectError(ProcessBuilder.Redirect.DISCARD);
      run.environment().putAll(environment("validate"));
      run.start().waitFor();
      if (!Files.exists(aside)) {
        Files.createFile(aside); // is not tried again
      }
      Files.move(aside, archive, StandardCopyOption.REPLACE_EXISTING);
    }
    return Files.size(archive) == 0 ? List.of() : List.of("-XX:SharedArchiveFile=" + archive);
  }
}
