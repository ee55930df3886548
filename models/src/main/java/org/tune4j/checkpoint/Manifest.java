package org.tune4j.checkpoint;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.tune4j.TuneException;

/** {@code manifest.json}: size and SHA-256 of every other file of a folder. */
public final class Manifest {
  /** The file's name in its folder. */
  public static final String FILE = "manifest.json";

  private static final int BUFFER = 1 << 16;

  private Manifest() {}

  /**
   * Writes the manifest of what the folder holds now. To be written last.
   *
   * @param folder whose files are listed, those of folders in it not
   * @throws IOException if a file cannot be read
   * @throws org.tune4j.EnvironmentException if the manifest cannot be written
   */
  public static void write(Path folder) throws IOException {
    ObjectNode files = JsonFields.MAPPER.createObjectNode();
    for (Path file : others(folder)) {
      ObjectNode entry = files.putObject(String.valueOf(file.getFileName()));
      entry.put("size", Files.size(file));
      entry.put("sha256", sha256(file));
    }
    ObjectNode manifest = JsonFields.MAPPER.createObjectNode();
    manifest.set("files", files);
    AtomicFile.write(folder.resolve(FILE), ShardPlan.pretty(manifest));
  }

  /**
   * {@return what is wrong with the folder, by its manifest; empty where it is whole}
   *
   * <p>Reads every byte of what is listed; files that are not listed do not count.
   *
   * @param folder as {@link #write} left it
   * @param required files that the manifest must list, by name
   */
  public static Optional<String> problem(Path folder, String... required) {
    try {
      JsonNode files = JsonFields.MAPPER.readTree(folder.resolve(FILE).toFile()).path("files");
      if (!files.isObject() || files.isEmpty()) {
        return Optional.of(FILE + " lists no files");
      }
      for (String name : required) {
        if (!files.has(name)) {
          return Optional.of(FILE + " does not list " + name);
        }
      }
      for (Map.Entry<String, JsonNode> entry : files.properties()) {
        Path file = folder.resolve(entry.getKey());
        if (!folder.equals(file.normalize().getParent()) || !Files.isRegularFile(file)) {
          return Optional.of(Texts.quoted(entry.getKey()) + " is missing");
        }
        long size = entry.getValue().path("size").asLong(-1);
        if (Files.size(file) != size) {
          return Optional.of(
              "%s has %d bytes, expected %d".formatted(entry.getKey(), Files.size(file), size));
        }
        if (!sha256(file).equals(entry.getValue().path("sha256").asText())) {
          return Optional.of(entry.getKey() + " has another SHA-256 than when it was written");
        }
      }
      return Optional.empty();
    } catch (JsonProcessingException e) {
      return Optional.of(FILE + " is not JSON: " + e.getOriginalMessage());
    } catch (IOException | IllegalArgumentException e) {
      return Optional.of(
          FILE
              + " cannot be read: "
              + (e instanceof IOException io ? TuneException.reason(io) : e));
    }
  }

  private static List<Path> others(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(f -> Files.isRegularFile(f) && !f.endsWith(FILE)).sorted().toList();
    }
  }

  private static String sha256(Path file) throws IOException {
    MessageDigest digest;
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
    byte[] buffer = new byte[BUFFER];
    try (InputStream in = Files.newInputStream(file)) {
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        digest.update(buffer, 0, n);
      }
    }
    return HexFormat.of().formatHex(digest.digest());
  }
}
