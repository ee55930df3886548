package org.tune4j.tokenizers;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;
import org.tune4j.jinja.Rendering;
import org.tune4j.jinja.Rendering.Span;

/**
 * A rendered conversation and what of it is trained on.
 *
 * @param spans from a turn's first character to its end token, in order
 * @param notes what the user should know, as {@link TokenizedConversation#notes} has them
 */
record TrainedText(String text, List<Span> spans, Set<String> notes) {
  /** What no message and no template holds. */
  private static final String MARKER = "\uE000\uE001\uE000";

  /**
   * Renders a conversation and finds what to train on: what {@code generation} tags print where the
   * template has them, else the turns that are not masked.
   *
   * @throws InputException when the template refuses the conversation, or does not render a turn
   *     that is trained on
   */
  static TrainedText of(Conversation conversation, ChatTemplate template, TurnEnds ends) {
    Rendering whole = template.render(conversation, false);
    return new Finder(conversation, template, ends, whole).find();
  }

  private record Finder(
      Conversation conversation, ChatTemplate template, TurnEnds ends, Rendering whole) {
    TrainedText find() {
      Set<String> notes = new LinkedHashSet<>();
      List<Span> generated = whole.generated();
      List<Span> spans = generated == null ? turns(notes) : notMasked(generated, notes);
      unread(notes);
      leftOut(notes);
      return new TrainedText(whole.text(), spans, notes);
    }

    private List<Span> turns(Set<String> notes) {
      List<Span> spans = new ArrayList<>();
      for (int i = 0; i < conversation.messages().size(); i++) {
        Message m = conversation.messages().get(i);
        boolean instructs = m.role().equals("system") || m.role().equals("developer");
        Span said = m.masked() || instructs ? null : said(i);
        if (said == null) {
          continue;
        }
        Span printed = whole.items().get(i).printed();
        int limit = printed == null ? said.to() : printed.to();
        int end = ends.behind(whole.text(), said.to(), limit);
        if (end == said.to() && m.role().equals("assistant")) {
          notes.add(endless());
        }
        spans.add(new Span(said.from(), end));
      }
      return spans;
    }

    /** Without those in turns of the assistant that are masked. */
    private List<Span> notMasked(List<Span> generated, Set<String> notes) {
      List<Span> kept = new ArrayList<>(generated);
      for (int i = 0; i < conversation.messages().size(); i++) {
        Message m = conversation.messages().get(i);
        if (m.masked() && m.role().equals("assistant")) {
          Span turn = whole.items().get(i).printed();
          if (turn == null && !generated.isEmpty()) {
            throw template.failure(
                "its generation tags do not tell turn %d, which is not trained on, from the others; leave out the tags"
                    .formatted(i + 1));
          }
          kept.removeIf(g -> turn != null && g.from() >= turn.from() && g.to() <= turn.to());
        }
      }
      if (kept.stream().noneMatch(g -> ends.ends(whole.text().substring(g.from(), g.to())))
          && !kept.isEmpty()) {
        notes.add(endless());
      }
      return kept;
    }

    private String endless() {
      String stop = ends.stops().stream().findFirst().orElse("EOS");
      return "answers behind which the chat template writes no end-of-turn token, such as %s, so that the model cannot learn to stop; add it to the template"
          .formatted(stop.replaceAll("\\p{Cntrl}", "?"));
    }

    /**
     * Where the template put what a turn says. Rendered with a marker as its text, the turn is the
     * same before and behind: a search for the text would find it in headers too, and miss it where
     * the template changes it. Null where the template prints nothing for it.
     */
    private @Nullable Span said(int i) {
      Message m = conversation.messages().get(i);
      boolean calls = m.callsTools();
      // The tools' answers must follow a call, and nothing else.
      Conversation upTo = calls ? conversation.first(i + 1) : conversation;
      Rendering marked = template.render(upTo.with(i, marked(m)), false);
      Span at = whole.items().get(i).printed();
      Span there = marked.items().get(i).printed();
      String with = part(marked, there);
      boolean traced = there != null;
      if (!with.contains(MARKER) || (at != null && !traced)) {
        throw notRendered(i);
      }
      if (at == null && traced) {
        return null;
      }
      String turn = part(whole, at);
      int from = samePrefix(turn, with);
      int to = turn.length() - sameSuffix(turn, with, from);
      boolean exact = with.length() - (turn.length() - to) - from == MARKER.length();
      if (calls) {
        Rendering alone = template.render(upTo, false);
        String call = part(alone, alone.items().get(i).printed());
        int end = call.length() - sameSuffix(call, with, Math.min(from, call.length()));
        exact = turn.startsWith(call.substring(0, end));
        // Else the turn looks different as the last one.
        to = exact ? end : to;
      }
      if (!exact && (!traced || holdsAnswer(i, turn.substring(from, to)))) {
        throw notRendered(i);
      }
      int start = at == null ? 0 : at.from();
      // Two tokens that end turns may begin and end alike.
      int end = ends.startOf(whole.text(), start + to);
      return new Span(start + from, Math.max(start + from, end));
    }

    /** Whether a turn's part holds the answer of a tool that it calls. */
    private boolean holdsAnswer(int i, String part) {
      return conversation.messages().stream()
          .skip(i + 1L)
          .takeWhile(m -> m.role().equals("tool"))
          .anyMatch(m -> !m.content().isBlank() && part.contains(m.content().strip()));
    }

    /** The turn with a marker in place of all that it says. */
    private static Message marked(Message m) {
      Object name = m.fields().get("name");
      Message plain = new Message(m.role(), MARKER, m.masked());
      return name == null ? plain : plain.with("name", name);
    }

    private InputException notRendered(int i) {
      return template.failure(
          "it does not render turn %d (%s) so that what to train on can be told; put generation tags around that, or give another template"
              .formatted(i + 1, conversation.messages().get(i).role()));
    }

    private static String part(Rendering rendering, @Nullable Span span) {
      return span == null ? rendering.text() : rendering.text().substring(span.from(), span.to());
    }

    private static int samePrefix(String a, String b) {
      int n = Math.min(a.length(), b.length());
      int i = 0;
      while (i < n && a.charAt(i) == b.charAt(i)) {
        i++;
      }
      return i;
    }

    /** Of what follows the first {@code from} characters of each. */
    private static int sameSuffix(String a, String b, int from) {
      int n = Math.min(a.length(), b.length()) - from;
      int i = 0;
      while (i < n && a.charAt(a.length() - 1 - i) == b.charAt(b.length() - 1 - i)) {
        i++;
      }
      return i;
    }

    /** Keys that the template did not ask for. {@code weight} became the mask. */
    private void unread(Set<String> notes) {
      for (int i = 0; i < conversation.messages().size(); i++) {
        Map<String, @Nullable Object> fields = conversation.messages().get(i).fields();
        for (String key : whole.items().get(i).unread()) {
          if (fields.get(key) != null && !Set.of("role", "content", "weight").contains(key)) {
            notes.add(TokenizedConversation.unread(key));
          }
        }
      }
      if (conversation.hasTools() && whole.unread().contains("tools")) {
        notes.add("column 'tools', which nothing reads");
      }
    }

    /** Texts whose change does not change what is rendered. */
    private void leftOut(Set<String> notes) {
      for (int i = 0; i < conversation.messages().size(); i++) {
        Message m = conversation.messages().get(i);
        for (String key : List.of("content", "reasoning_content")) {
          boolean read = key.equals("content") || !whole.items().get(i).unread().contains(key);
          if (m.fields().get(key) instanceof String text
              && read
              && !text.isBlank()
              && !shows(i, key, text)) {
            String what = key.equals("content") ? "text" : key;
            notes.add("%s %s that the chat template does not show".formatted(m.role(), what));
          }
        }
      }
    }

    private boolean shows(int i, String key, String text) {
      Span printed = whole.items().get(i).printed();
      if (printed != null && part(whole, printed).contains(text.strip())) {
        return true;
      }
      Message changed = conversation.messages().get(i).with(key, text + MARKER);
      return !template.render(conversation.with(i, changed), false).text().equals(whole.text());
    }
  }
}
