package org.tune4j.tokenizers;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.huggingface.tokenizers.jni.CharSpan;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.tune4j.InputException;

/** {@code tokenizer.json} with the chat template beside it. */
final class HuggingFaceTokenizerFile implements Tokenizer {
  private final Path file;
  private final HuggingFaceTokenizer tokenizer;
  private final Set<String> specialTokens;
  private final ChatTemplate template;

  private HuggingFaceTokenizerFile(
      Path file, HuggingFaceTokenizer tokenizer, Set<String> specialTokens, ChatTemplate template) {
    this.file = file;
    this.tokenizer = tokenizer;
    this.specialTokens = specialTokens;
    this.template = template;
  }

  static HuggingFaceTokenizerFile open(Path path) {
    Path file = Files.isDirectory(path) ? path.resolve("tokenizer.json") : path;
    if (!Files.isRegularFile(file)) {
      throw new InputException(
          "tokenizer %s does not exist; copy the model's tokenizer.json there or set tokenizer.path"
              .formatted(file));
    }
    try {
      byte[] bytes = Files.readAllBytes(file);
      JsonNode json = new ObjectMapper().readTree(bytes);
      Set<String> special = new HashSet<>();
      for (JsonNode token : json.path("added_tokens")) {
        if (token.path("special").asBoolean()) {
          special.add(token.path("content").asText());
        }
      }
      HuggingFaceTokenizer tokenizer =
          HuggingFaceTokenizer.newInstance(
              new ByteArrayInputStream(bytes),
              Map.of("addSpecialTokens", "false", "truncation", "false", "padding", "false"));
      Path folder = file.toAbsolutePath().getParent();
      return new HuggingFaceTokenizerFile(
          file, tokenizer, special, ChatTemplate.beside(folder == null ? file : folder));
    } catch (IOException | RuntimeException e) {
      if (e instanceof InputException known) {
        throw known;
      }
      throw new InputException(
          "tokenizer %s cannot be read: %s; fetch the file again".formatted(file, firstLine(e)), e);
    }
  }

  private static String firstLine(Exception e) {
    return String.valueOf(e.getMessage()).lines().findFirst().orElse(e.getClass().getSimpleName());
  }

  @Override
  public int[] encode(String text) {
    return ids(tokenizer.encode(text, false, false));
  }

  private static int[] ids(Encoding encoding) {
    return Arrays.stream(encoding.getIds()).mapToInt(Math::toIntExact).toArray();
  }

  @Override
  public String decode(int[] ids) {
    return tokenizer.decode(Arrays.stream(ids).asLongStream().toArray(), false);
  }

  /**
   * Code points {@code from} to {@code to} of the rendered text, and where the next turn begins.
   */
  private record Span(int from, int to, boolean trained) {}

  @Override
  public TokenizedConversation tokenize(List<Message> messages) {
    String text = template.render(messages, false);
    List<Span> spans = spans(messages, text);
    Encoding encoding = tokenizer.encode(text, false, false);
    int[] ids = ids(encoding);
    boolean[] masked = new boolean[ids.length];
    Arrays.fill(masked, true);
    CharSpan[] at = encoding.getCharTokenSpans();
    String[] names = encoding.getTokens();
    int s = 0;
    for (int i = 0; i < ids.length && s < spans.size(); i++) {
      if (at[i] == null) {
        continue;
      }
      int start = at[i].getStart();
      while (s < spans.size() && start > spans.get(s).to()) {
        s++;
      }
      if (s == spans.size() || !spans.get(s).trained()) {
        continue;
      }
      Span span = spans.get(s);
      boolean inside = start >= span.from() && start < span.to();
      boolean endsTurn = start == span.to() && specialTokens.contains(names[i]);
      masked[i] = !(inside || endsTurn);
    }
    return new TokenizedConversation(ids, masked);
  }

  /**
   * Where each message's text lies; a message is found in what its turn adds to the turns before.
   */
  private List<Span> spans(List<Message> messages, String text) {
    List<Span> spans = new ArrayList<>();
    int start = 0;
    for (int i = 0; i < messages.size(); i++) {
      Message m = messages.get(i);
      String upTo =
          i == messages.size() - 1 ? text : template.render(messages.subList(0, i + 1), false);
      String content = upTo.indexOf(m.content(), start) >= 0 ? m.content() : m.content().strip();
      int at = upTo.lastIndexOf(content);
      if (!text.startsWith(upTo) || at < start) {
        throw new InputException(
            "tokenizer %s: its chat template does not render turn %d (%s) as it stands, so that what to train on cannot be told; give another template"
                .formatted(file, i + 1, m.role()));
      }
      boolean trained = !m.masked() && !m.role().equals("system");
      spans.add(
          new Span(
              text.codePointCount(0, at), text.codePointCount(0, at + content.length()), trained));
      start = upTo.length();
    }
    return spans;
  }

  @Override
  public void close() {
    tokenizer.close();
  }
}
