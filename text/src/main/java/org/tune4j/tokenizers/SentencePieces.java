package org.tune4j.tokenizers;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;
import org.tune4j.tokenizers.SentencePieceModel.Normalization;
import org.tune4j.tokenizers.SentencePieceModel.Piece;
import org.tune4j.tokenizers.SentencePieceModel.PieceType;

/** Encodes and decodes as SentencePiece's {@code SentencePieceProcessor} does. Thread-safe. */
final class SentencePieces {
  private static final String BLANK = "\u2581";

  private final SentencePieceModel model;
  private final Map<String, Integer> ids = new HashMap<>();
  private final int[] byteIds = new int[256];
  private final SentencePieceNormalizer normalizer;
  private final @Nullable SentencePieceNormalizer denormalizer;
  private final SentencePieceCutter cutter;

  /**
   * From a model.
   *
   * @throws IOException when its map of characters is broken
   */
  SentencePieces(SentencePieceModel model) throws IOException {
    this.model = model;
    PieceTrie userDefined = new PieceTrie();
    for (int id = 0; id < model.pieces().size(); id++) {
      Piece p = model.pieces().get(id);
      String bytes = SentencePieceModel.latin1(p.text());
      ids.put(bytes, id);
      if (p.type() == PieceType.USER_DEFINED) {
        userDefined.add(bytes, id);
      }
    }
    for (int b = 0; b < 256; b++) {
      byteIds[b] = ids.getOrDefault(SentencePieceModel.byteText(b), model.unknownId());
    }
    normalizer = new SentencePieceNormalizer(model.normalization(), userDefined);
    Normalization back = model.denormalization();
    denormalizer =
        back.charMap().length == 0 ? null : new SentencePieceNormalizer(back, new PieceTrie());
    cutter =
        model.unigram()
            ? new SentencePieceCutter.Unigram(model, ids)
            : new SentencePieceCutter.Bpe(model, ids, userDefined);
  }

  int size() {
    return model.pieces().size();
  }

  /** The id of a piece; empty where there is none. */
  OptionalInt id(String piece) {
    Integer id = ids.get(SentencePieceModel.latin1(piece));
    return id == null ? OptionalInt.empty() : OptionalInt.of(id);
  }

  int[] encode(String text) {
    Ids out = new Ids();
    int unknown = model.unknownId();
    int[] last = {-1};
    cutter.cut(
        normalizer.normalize(SentencePieceModel.latin1(text)),
        (bytes, id) -> {
          if (id == unknown && model.byteFallback()) {
            bytes.chars().forEach(b -> out.add(byteIds[b], false));
          } else if (id != unknown || last[0] != unknown) {
            out.add(id, false);
          }
          last[0] = id;
        });
    return out.tokens();
  }

  /**
   * The text of ids.
   *
   * @param given each inside the vocabulary
   */
  String decode(int[] given) {
    StringBuilder text = new StringBuilder();
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    boolean atStart = true;
    boolean blankSeen = false;
    for (int id : given) {
      Piece p = model.pieces().get(id);
      if (p.type() == PieceType.BYTE) {
        bytes.write(Integer.parseInt(p.text(), 3, 5, 16));
        continue;
      }
      text.append(characters(bytes));
      atStart &= !blankSeen && text.isEmpty();
      String piece = p.text();
      blankSeen = false;
      if (p.type() == PieceType.CONTROL) {
        piece = "";
      } else if (p.type() == PieceType.UNKNOWN) {
        piece = model.unknownSurface();
      } else {
        Normalization n = model.normalization();
        if (atStart && (n.addDummyPrefix() || n.removeExtraBlanks()) && piece.startsWith(BLANK)) {
          piece = piece.substring(1);
          blankSeen = !n.removeExtraBlanks();
        }
        piece = piece.replace(BLANK, " ");
      }
      text.append(piece);
    }
    text.append(characters(bytes));
    return denormalizer == null
        ? text.toString()
        : new String(
            denormalizer
                .normalize(SentencePieceModel.latin1(text.toString()))
                .getBytes(StandardCharsets.ISO_8859_1),
            StandardCharsets.UTF_8);
  }

  /** Bytes that are no character are U+FFFD each. */
  private static String characters(ByteArrayOutputStream bytes) {
    byte[] all = bytes.toByteArray();
    bytes.reset();
    StringBuilder out = new StringBuilder();
    for (int at = 0; at < all.length; ) {
      int length =
          Math.min(
              all.length - at,
              SentencePieceNormalizer.characterLength(String.valueOf((char) (all[at] & 0xff)), 0));
      String one = new String(all, at, length, StandardCharsets.UTF_8);
      boolean sound = one.codePointCount(0, one.length()) == 1 && one.codePointAt(0) != 0xFFFD;
      boolean written = length == 3 && one.equals("\uFFFD") && (all[at] & 0xff) == 0xef;
      out.append(sound || written ? one : "\uFFFD");
      at += sound || written ? length : 1;
    }
    return out.toString();
  }
}
