package org.tune4j.hub;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.tune4j.EnvironmentException;
import org.tune4j.InputException;
import org.tune4j.UsageException;

/**
 * Commits a folder to a repository: the hub says which files are large, those go to where its LFS
 * server says, and one commit names all. A commit that fails changes nothing; large files that are
 * there already are not sent again. Source: the HTTP API of {@code huggingface_hub}; Git LFS's
 * batch API.
 */
final class FolderUpload implements AutoCloseable {
  /** Files that the hub is asked about at once. */
  private static final int MOST = 256;

  private static final int SAMPLE = 512;

  /** A commit of many files takes the hub its time. */
  private static final Duration ANSWER = Duration.ofMinutes(5);

  /** Bytes a second. */
  private static final long SLOWEST = 10_000;

  private static final String JSON_TYPE = "application/json";
  private static final String LFS_TYPE = "application/vnd.git-lfs+json";
  private static final ObjectMapper JSON = new ObjectMapper();

  private final HubSettings settings;
  private final Repository repository;
  private final Path folder;
  private final TransferListener listener;
  private final HubRequests requests;
  private final StallWatch watch;

  FolderUpload(
      HubSettings settings, Repository repository, Path folder, TransferListener listener) {
    this.settings = settings;
    this.repository = repository;
    this.folder = folder;
    this.listener = listener;
    this.requests = new HubRequests(settings);
    this.watch = new StallWatch(settings.timeout());
  }

  @Override
  public void close() {
    watch.close();
  }

  /** Sends the files and gives the commit's address. */
  String send(FileSelection selection, boolean hidden, String message) {
    Map<String, LocalFile> files = files(selection);
    create(hidden);
    Map<String, LocalFile> small = new LinkedHashMap<>(files);
    Map<String, LocalFile> large = new LinkedHashMap<>();
    for (JsonNode mode : modes(List.copyOf(files.values()))) {
      String name = mode.path("path").asText();
      LocalFile file = small.get(name);
      if (mode.path("shouldIgnore").asBoolean()) {
        small.remove(name); // by the repository's .gitignore
      } else if (file != null && mode.path("uploadMode").asText().equals("lfs")) {
        small.remove(name);
        large.put(name, file);
      }
    }
    listener.begun(
        small.size() + large.size(),
        Stream.of(small, large).flatMap(m -> m.values().stream()).mapToLong(LocalFile::size).sum(),
        0);
    Map<String, LocalFile> byHash =
        large.values().stream()
            .collect(Collectors.toMap(LocalFile::sha256, f -> f, (a, b) -> a, LinkedHashMap::new));
    for (List<LocalFile> some : slices(List.copyOf(byHash.values()))) {
      for (JsonNode object : batch(some).path("objects")) {
        LocalFile file = byHash.get(object.path("oid").asText());
        if (file != null) {
          store(file, object);
        }
      }
    }
    JsonNode commit = commit(message, small, large);
    small.values().forEach(file -> listener.transferred(file.size()));
    return commit.path("commitUrl").asText(settings.endpoint() + "/" + repository.page());
  }

  private Map<String, LocalFile> files(FileSelection selection) {
    if (!Files.isDirectory(folder)) {
      throw new InputException(
          "%s is not a folder; give one with an adapter or a model".formatted(folder));
    }
    Map<String, LocalFile> files = new LinkedHashMap<>();
    try (Stream<Path> all = Files.walk(folder)) {
      List<Path> regular =
          all.filter(f -> Files.isRegularFile(f, LinkOption.NOFOLLOW_LINKS)).sorted().toList();
      Map<String, Path> named = new LinkedHashMap<>();
      regular.forEach(f -> named.put(folder.relativize(f).toString().replace('\\', '/'), f));
      named.keySet().removeIf(name -> name.matches("(.*/)?\\..*"));
      for (String name : selection.of(List.copyOf(named.keySet()))) {
        Path file = Objects.requireNonNull(named.get(name));
        files.put(name, new LocalFile(name, file, Files.size(file)));
      }
    } catch (IOException | UncheckedIOException e) {
      throw new InputException("%s cannot be read: %s".formatted(folder, e.getMessage()), e);
    }
    if (files.isEmpty()) {
      throw new UsageException("%s has none of the files to push".formatted(folder));
    }
    return files;
  }

  /** Makes the repository where there is none that the token may see. */
  private void create(boolean hidden) {
    URI there = api("");
    int status =
        patiently(
            repository.name(), () -> send(request(there).GET(), there, Set.of(401, 404)).status());
    if (status == 200) {
      return;
    }
    String[] parts = repository.name().split("/");
    ObjectNode body =
        JSON.createObjectNode().put("name", parts[parts.length - 1]).put("private", hidden);
    if (parts.length > 1) {
      body.put("organization", parts[0]);
    }
    if (repository.type() == Repository.Type.DATASET) {
      body.put("type", "dataset");
    }
    URI create = URI.create(settings.endpoint() + "/api/repos/create");
    Answer unused =
        patiently(
            repository.name(),
            () -> send(request(create).POST(json(body)), create, Set.of(409))); // just made
  }

  private List<JsonNode> modes(List<LocalFile> files) {
    List<JsonNode> modes = new ArrayList<>();
    URI uri = api("/preupload/" + HubRequests.quoted(repository.revision()));
    for (List<LocalFile> some : slices(files)) {
      ObjectNode body = JSON.createObjectNode();
      ArrayNode asked = body.putArray("files");
      for (LocalFile file : some) {
        asked
            .addObject()
            .put("path", file.name())
            .put("sample", file.read(SAMPLE)) // Jackson writes bytes as base64
            .put("size", file.size());
      }
      patiently("the list of files", () -> post(uri, JSON_TYPE, json(body)))
          .path("files")
          .forEach(modes::add);
    }
    return modes;
  }

  private static List<List<LocalFile>> slices(List<LocalFile> all) {
    List<List<LocalFile>> slices = new ArrayList<>();
    for (int from = 0; from < all.size(); from += MOST) {
      slices.add(all.subList(from, Math.min(all.size(), from + MOST)));
    }
    return slices;
  }

  private JsonNode batch(List<LocalFile> files) {
    ObjectNode body = JSON.createObjectNode().put("operation", "upload").put("hash_algo", "sha256");
    body.putArray("transfers").add("basic").add("multipart");
    body.putObject("ref").put("name", repository.revision());
    ArrayNode objects = body.putArray("objects");
    files.forEach(f -> objects.addObject().put("oid", f.sha256()).put("size", f.size()));
    URI uri =
        URI.create(
            "%s/%s.git/info/lfs/objects/batch".formatted(settings.endpoint(), repository.page()));
    return patiently("the large files", () -> post(uri, LFS_TYPE, json(body)));
  }

  /** Sends a large file as the LFS server wants it; without actions the server has it. */
  private void store(LocalFile file, JsonNode object) {
    if (object.has("error")) {
      throw new InputException(
          "%s refuses %s: %s"
              .formatted(
                  settings.endpoint(),
                  file.name(),
                  object.at("/error/message").asText("no reason")));
    }
    JsonNode upload = object.at("/actions/upload");
    if (upload.isMissingNode()) {
      listener.transferred(file.size());
      return;
    }
    URI to = target(upload, file);
    long chunk = upload.at("/header/chunk_size").asLong();
    if (chunk <= 0) {
      String unused = put(to, file, 0, file.size());
    } else {
      ObjectNode body = JSON.createObjectNode().put("oid", file.sha256());
      ArrayNode parts = body.putArray("parts");
      for (int i = 1; (i - 1) * chunk < file.size(); i++) {
        long from = (i - 1) * chunk;
        URI part = address(upload.path("header").path(Integer.toString(i)).asText(), file);
        String etag = put(part, file, from, Math.min(chunk, file.size() - from));
        parts.addObject().put("partNumber", i).put("etag", etag);
      }
      JsonNode unused = patiently(file.name(), () -> post(to, LFS_TYPE, json(body)));
    }
    JsonNode verify = object.at("/actions/verify");
    if (!verify.isMissingNode()) {
      ObjectNode body = JSON.createObjectNode().put("oid", file.sha256()).put("size", file.size());
      JsonNode unused =
          patiently(file.name(), () -> post(target(verify, file), JSON_TYPE, json(body)));
    }
  }

  private URI target(JsonNode action, LocalFile file) {
    return address(action.path("href").asText(), file);
  }

  /** An address that the hub gives, as safe as its own. */
  private URI address(String text, LocalFile file) {
    try {
      URI uri = settings.endpoint().resolve(text);
      boolean encrypted = "https".equals(uri.getScheme());
      if (!text.isEmpty() && (encrypted || !"https".equals(settings.endpoint().getScheme()))) {
        return uri;
      }
    } catch (IllegalArgumentException e) {
      // Said below.
    }
    throw new InputException(
        "%s wants %s sent to '%s', which is no encrypted address; refused"
            .formatted(settings.endpoint(), file.name(), text.replaceAll("\\p{Cntrl}", "?")));
  }

  /** Sends a part of a file, and gives the ETag of what came. */
  private String put(URI to, LocalFile file, long from, long bytes) {
    return patiently(
        file.name(),
        () -> {
          FileSlice slice = new FileSlice(file.path(), from, bytes, watch, listener);
          boolean arrived = false;
          try (slice) {
            BodyPublisher body =
                bytes == 0
                    ? BodyPublishers.noBody()
                    : BodyPublishers.fromPublisher(
                        BodyPublishers.ofInputStream(() -> slice), bytes);
            Duration limit = ANSWER.plusSeconds(bytes / SLOWEST);
            Answer answer = send(request(to).PUT(body).timeout(limit), to, Set.of());
            arrived = true;
            return answer.etag();
          } finally {
            if (!arrived) {
              listener.transferred(-slice.sent());
            }
          }
        });
  }

  private JsonNode commit(
      String message, Map<String, LocalFile> small, Map<String, LocalFile> large) {
    ByteArrayOutputStream lines = new ByteArrayOutputStream();
    line(lines, "header", JSON.createObjectNode().put("summary", message).put("description", ""));
    for (LocalFile file : small.values()) {
      ObjectNode value = JSON.createObjectNode();
      value.put("content", file.read(file.size())).put("path", file.name());
      line(lines, "file", value.put("encoding", "base64"));
    }
    for (LocalFile file : large.values()) {
      ObjectNode value = JSON.createObjectNode().put("path", file.name()).put("algo", "sha256");
      line(lines, "lfsFile", value.put("oid", file.sha256()).put("size", file.size()));
    }
    URI uri = api("/commit/" + HubRequests.quoted(repository.revision()));
    return patiently(
        "the commit",
        () -> post(uri, "application/x-ndjson", BodyPublishers.ofByteArray(lines.toByteArray())));
  }

  private static void line(ByteArrayOutputStream lines, String key, ObjectNode value) {
    ObjectNode line = JSON.createObjectNode().put("key", key).set("value", value);
    lines.writeBytes((line + "\n").getBytes(StandardCharsets.UTF_8));
  }

  private URI api(String rest) {
    return URI.create(settings.endpoint() + "/" + repository.api() + rest);
  }

  private static BodyPublisher json(JsonNode body) {
    return BodyPublishers.ofString(body.toString());
  }

  private HttpRequest.Builder request(URI uri) {
    return requests.request(uri).timeout(ANSWER);
  }

  private JsonNode post(URI uri, String type, BodyPublisher body) throws IOException {
    HttpRequest.Builder request =
        request(uri).header("Content-Type", type).header("Accept", type).POST(body);
    String text = send(request, uri, Set.of()).text();
    try {
      return text.isBlank() ? JSON.createObjectNode() : JSON.readTree(text);
    } catch (JacksonException e) {
      throw new InputException(
          "%s does not answer with JSON; check HF_ENDPOINT, or a proxy in between".formatted(uri),
          e);
    }
  }

  /** What the hub said. */
  private record Answer(int status, String etag, String text) {}

  private Answer send(HttpRequest.Builder request, URI uri, Set<Integer> expected)
      throws IOException {
    HttpResponse<String> answer =
        requests.send(request.build(), HttpResponse.BodyHandlers.ofString());
    int status = answer.statusCode();
    if (status / 100 != 2 && !expected.contains(status)) {
      throw refused(answer, uri);
    }
    return new Answer(status, answer.headers().firstValue("ETag").orElse(""), answer.body());
  }

  private IOException refused(HttpResponse<String> answer, URI uri) {
    int status = answer.statusCode();
    if ((status == 401 || status == 403) && requests.isHub(uri)) {
      throw new InputException(
          "%1$s refuses to write to %2$s with %3$d; the token is wrong, expired, or may not write there: make one at %1$s/settings/tokens"
              .formatted(settings.endpoint(), repository.name(), status));
    }
    return requests.refused(answer, repository, "");
  }

  private <T> T patiently(String what, Hub.Request<T> request) {
    return Hub.patiently(
        settings,
        listener,
        what,
        request,
        e ->
            new EnvironmentException(
                "%s cannot be pushed to %s (%s); check the network, HTTPS_PROXY or HF_ENDPOINT, and run it again: files that are there are not sent again"
                    .formatted(folder, settings.endpoint(), HubRequests.reason(e)),
                e));
  }
}
