package org.tune4j.tokenizers;

import java.io.IOException;
import org.jspecify.annotations.Nullable;
import org.tune4j.tokenizers.SentencePieceModel.Normalization;

/** SentencePiece's {@code Normalizer}, over UTF-8 bytes written as ISO 8859-1 text. */
final class SentencePieceNormalizer {
  /** U+2581, which stands for a blank. */
  static final String BLANK = SentencePieceModel.latin1("\u2581");

  private static final String REPLACEMENT = SentencePieceModel.latin1("\uFFFD");

  private final Normalization settings;
  private final @Nullable CharMap charMap;
  private final PieceTrie untouched;
  private final String blank;

  /**
   * From a model's settings.
   *
   * @param untouched pieces that are left as they are
   * @throws IOException when the map of characters is broken
   */
  SentencePieceNormalizer(Normalization settings, PieceTrie untouched) throws IOException {
    this.settings = settings;
    this.charMap = settings.charMap().length == 0 ? null : CharMap.parse(settings.charMap());
    this.untouched = untouched;
    this.blank = settings.escapeBlanks() ? BLANK : " ";
  }

  String normalize(String bytes) {
    StringBuilder out = new StringBuilder(bytes.length() + 3);
    int at = 0;
    boolean remove = settings.removeExtraBlanks();
    while (remove && at < bytes.length()) {
      CharMap.Match m = match(bytes, at);
      if (!m.replacement().equals(" ")) {
        break;
      }
      at += m.length();
    }
    if (at == bytes.length()) {
      return "";
    }
    if (settings.addDummyPrefix() && !settings.blankAsSuffix()) {
      out.append(blank);
    }
    boolean afterBlank = remove;
    while (at < bytes.length()) {
      CharMap.Match m = match(bytes, at);
      String text = m.replacement();
      int from = 0;
      while (afterBlank && from < text.length() && text.charAt(from) == ' ') {
        from++;
      }
      if (from < text.length()) {
        out.append(text.substring(from).replace(" ", blank));
        afterBlank = text.endsWith(" ");
      }
      afterBlank &= remove;
      at += m.length();
    }
    while (remove
        && out.length() >= blank.length()
        && out.lastIndexOf(blank) == out.length() - blank.length()) {
      out.setLength(out.length() - blank.length());
    }
    if (settings.addDummyPrefix() && settings.blankAsSuffix()) {
      out.append(blank);
    }
    return out.toString();
  }

  private CharMap.Match match(String bytes, int at) {
    int kept = untouched.longest(bytes, at);
    if (kept > 0) {
      return new CharMap.Match(bytes.substring(at, at + kept), kept);
    }
    if (charMap != null) {
      CharMap.Match m = charMap.longest(bytes, at);
      if (m.length() > 0) {
        return m;
      }
    }
    int length = characterLength(bytes, at);
    return at + length > bytes.length()
        ? new CharMap.Match(REPLACEMENT, 1)
        : new CharMap.Match(bytes.substring(at, at + length), length);
  }

  /** Bytes of the character that begins at a place of well-formed UTF-8. */
  static int characterLength(String bytes, int at) {
    int c = bytes.charAt(at);
    return c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
  }
}
