package org.tune4j.plugins;

import java.io.IOException;
import java.io.StringWriter;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.jar.Attributes;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;
import org.jspecify.annotations.Nullable;

/** A plugin as a third party builds it: compiled against the class path, then packed. */
final class PluginJar {
  private final Map<String, String> sources = new TreeMap<>();
  private final Map<String, String> services = new TreeMap<>();
  private final List<String> left = new ArrayList<>();
  private @Nullable String api = "1";
  private boolean parameterNames = true;

  /** A class by its full name. */
  PluginJar source(String name, String text) {
    sources.put(name, text);
    return this;
  }

  /** A line of a service file. */
  PluginJar service(Class<?> service, String provider) {
    services.merge(service.getName(), provider + "\n", String::concat);
    return this;
  }

  PluginJar api(@Nullable String version) {
    api = version;
    return this;
  }

  PluginJar withoutParameterNames() {
    parameterNames = false;
    return this;
  }

  /** A class that is compiled against, and missing in the jar. */
  PluginJar without(String classFile) {
    left.add(classFile);
    return this;
  }

  Path write(Path jar) throws IOException {
    Path classes = Files.createTempDirectory(jar.toAbsolutePath().getParent(), "classes");
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    StringWriter errors = new StringWriter();
    List<String> options =
        new ArrayList<>(
            List.of(
                "-proc:none",
                "-d",
                classes.toString(),
                "-cp",
                System.getProperty("java.class.path")));
    if (parameterNames) {
      options.add("-parameters");
    }
    boolean compiled =
        sources.isEmpty()
            || compiler
                .getTask(
                    errors,
                    null,
                    null,
                    options,
                    null,
                    sources.entrySet().stream()
                        .map(s -> new Source(s.getKey(), s.getValue()))
                        .toList())
                .call();
    if (!compiled) {
      throw new AssertionError(errors.toString());
    }
    Manifest manifest = new Manifest();
    manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
    if (api != null) {
      manifest.getMainAttributes().putValue("Tune4J-Api", api);
    }
    try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(jar), manifest);
        Stream<Path> files = Files.walk(classes)) {
      for (Path file : files.filter(Files::isRegularFile).sorted().toList()) {
        String name = classes.relativize(file).toString();
        if (!left.contains(name)) {
          out.putNextEntry(new JarEntry(name));
          Files.copy(file, out);
        }
      }
      for (Map.Entry<String, String> s : services.entrySet()) {
        out.putNextEntry(new JarEntry("META-INF/services/" + s.getKey()));
        out.write(s.getValue().getBytes(java.nio.charset.StandardCharsets.UTF_8));
      }
    }
    return jar;
  }

  private static final class Source extends SimpleJavaFileObject {
    private final String text;

    Source(String name, String text) {
      super(
          URI.create("string:///" + name.replace('.', '/') + ".java"), JavaFileObject.Kind.SOURCE);
      this.text = text;
    }

    @Override
    public CharSequence getCharContent(boolean ignoreEncodingErrors) {
      return text;
    }
  }
}
