package org.tune4j.hub;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tune4j.EnvironmentException;
import org.tune4j.InputException;
import org.tune4j.UsageException;

/** Pushing a folder to a hub on loopback. */
class PushTest {
  private static final String WEIGHTS = "adapter_model.safetensors";
  private static final Repository TINY = Repository.parse(StandInHub.REPOSITORY);

  @TempDir Path folder;
  private StandInHub hub;
  private final List<String> retries = new CopyOnWriteArrayList<>();
  private final AtomicLong expected = new AtomicLong();
  private final AtomicLong sent = new AtomicLong();
  private final TransferListener listener =
      new TransferListener() {
        @Override
        public void begun(int files, long bytes, long there) {
          expected.set(bytes);
        }

        @Override
        public void transferred(long bytes) {
          sent.addAndGet(bytes);
        }

        @Override
        public void retried(String file, String why, Duration wait) {
          retries.add(file + ": " + why);
        }
      };

  private final byte[] weights = new byte[300_000];

  @BeforeEach
  void start() throws IOException {
    hub = new StandInHub();
    hub.wantedToken = "secret";
    new Random(7).nextBytes(weights);
    Files.write(folder.resolve(WEIGHTS), weights);
    Files.writeString(folder.resolve("README.md"), "card");
    Files.writeString(folder.resolve(".hidden"), "not for others");
    Files.writeString(folder.resolve("run.log"), "ignored by the repository");
    Files.writeString(folder.resolve("code.jar"), "never");
    Files.createDirectories(folder.resolve("sub"));
    Files.writeString(folder.resolve("sub/empty.json"), "");
  }

  @AfterEach
  void stop() {
    hub.close();
  }

  private HubSettings settings(URI endpoint, String token) {
    return new HubSettings(
        endpoint,
        folder,
        token,
        false,
        Duration.ofSeconds(30),
        new Backoff(3, Duration.ofMillis(5), Duration.ofMillis(20)));
  }

  private String push(Repository to) {
    return new Hub(settings(hub.endpoint(), "secret"))
        .push(to, folder, new FileSelection(List.of(), List.of(), false), true, "Say", listener);
  }

  private void assertThere() throws IOException {
    assertArrayEquals(weights, hub.content(WEIGHTS));
    assertArrayEquals(Files.readAllBytes(folder.resolve("README.md")), hub.content("README.md"));
    assertArrayEquals(new byte[0], hub.content("sub/empty.json"));
    assertEquals(4, hub.uploads.committed.size(), hub.uploads.committed::toString);
    assertEquals("Say", hub.uploads.committed.get(0).at("/value/summary").asText());
    assertEquals(expected.get(), sent.get());
    // Only the hub itself sees the token.
    assertTrue(hub.seen.stream().noneMatch(s -> s.cdn() && s.authorization().contains("secret")));
  }

  @Test
  void push_folder_isOneCommit() throws IOException {
    assertEquals("https://hub.example/commit/1", push(TINY));
    assertThere();
    assertEquals(List.of(), hub.uploads.made);
  }

  @Test
  void push_inParts_isTheSame() throws IOException {
    hub.uploads.chunk = 70_000;
    push(TINY);
    assertThere();
  }

  @Test
  void push_again_sendsNoLargeFileTwice() throws IOException {
    push(TINY);
    long puts = hub.seen.stream().filter(s -> s.method().equals("PUT")).count();
    hub.uploads.committed.clear();
    sent.set(0);
    push(TINY);
    assertThere();
    assertEquals(puts, hub.seen.stream().filter(s -> s.method().equals("PUT")).count());
  }

  @Test
  void push_brokenTransfer_isTriedAgain() throws IOException {
    hub.uploads.failures = 1;
    push(TINY);
    assertThere();
    assertEquals(
        List.of(
            "%s: http://127.0.0.1:%d answers with 503"
                .formatted(WEIGHTS, hub.endpoint().getPort())),
        retries);
  }

  @Test
  void push_newName_makesThePrivateRepository() {
    push(Repository.parse("acme/new"));
    assertEquals(
        "[{\"name\":\"new\",\"private\":true,\"organization\":\"acme\"}]",
        hub.uploads.made.toString());
  }

  @Test
  void push_wrongToken_isRefused() {
    InputException e =
        assertThrows(
            InputException.class,
            () ->
                new Hub(settings(hub.endpoint(), "other"))
                    .push(TINY, folder, FileSelection.ALL, false, "Say", listener));
    assertEquals(
        "%1$s refuses to write to acme/tiny with 401; the token is wrong, expired, or may not write there: make one at %1$s/settings/tokens"
            .formatted(hub.endpoint()),
        e.getMessage());
  }

  @Test
  void push_withoutToken_saysWhereOneIs() {
    UsageException e =
        assertThrows(
            UsageException.class,
            () ->
                new Hub(settings(URI.create("https://hub.example"), null))
                    .push(TINY, folder, FileSelection.ALL, false, "Say", listener));
    assertEquals(
        "pushing takes a token that may write; set HF_TOKEN, or --hf-token, to one from https://hub.example/settings/tokens",
        e.getMessage());
  }

  @Test
  void push_noHub_saysThatNothingIsSentTwice() {
    URI nowhere = URI.create("http://127.0.0.1:1");
    EnvironmentException e =
        assertThrows(
            EnvironmentException.class,
            () ->
                new Hub(settings(nowhere, "secret"))
                    .push(TINY, folder, FileSelection.ALL, false, "Say", listener));
    assertTrue(
        e.getMessage()
            .matches(
                "\\Q%s\\E cannot be pushed to http://127.0.0.1:1 \\(.+\\); check the network, HTTPS_PROXY or HF_ENDPOINT, and run it again: files that are there are not sent again"
                    .formatted(folder)),
        e.getMessage());
  }

  @Test
  void push_missingOrEmptyFolder_isRefused(@TempDir Path empty) {
    Hub to = new Hub(settings(hub.endpoint(), "secret"));
    Path missing = empty.resolve("missing");
    assertEquals(
        missing + " is not a folder; give one with an adapter or a model",
        assertThrows(
                InputException.class,
                () -> to.push(TINY, missing, FileSelection.ALL, false, "Say", listener))
            .getMessage());
    assertEquals(
        empty + " has none of the files to push",
        assertThrows(
                UsageException.class,
                () -> to.push(TINY, empty, FileSelection.ALL, false, "Say", listener))
            .getMessage());
  }
}
