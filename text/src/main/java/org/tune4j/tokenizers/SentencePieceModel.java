package org.tune4j.tokenizers;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * A SentencePiece {@code tokenizer.model}: the pieces and settings of its protocol buffer ({@code
 * sentencepiece_model.proto}), checked as far as encoding and decoding rely on them.
 *
 * @param pieces by id; exactly one is {@link PieceType#UNKNOWN}
 * @param unigram whether the model is a unigram one; else it is BPE
 * @param byteFallback whether unknown characters become bytes; then each byte has a piece
 * @param unknownSurface what an unknown piece is decoded to
 * @param normalization how a text is changed before it is cut into pieces
 * @param denormalization how a decoded text is changed, where it has a map of characters
 */
record SentencePieceModel(
    List<Piece> pieces,
    boolean unigram,
    boolean byteFallback,
    String unknownSurface,
    Normalization normalization,
    Normalization denormalization) {
  /** A piece's kind, in the order of the format's numbers, which begin at 1. */
  enum PieceType {
    NORMAL,
    UNKNOWN,
    CONTROL,
    USER_DEFINED,
    UNUSED,
    BYTE
  }

  /**
   * One entry of the vocabulary.
   *
   * @param text with U+2581 in place of blanks
   */
  record Piece(String text, float score, PieceType type) {}

  /**
   * A normaliser's settings.
   *
   * @param charMap empty for none
   * @param blankAsSuffix whether the added blank goes to the end
   */
  @SuppressWarnings("ArrayRecordComponent") // handed on, never compared
  record Normalization(
      byte[] charMap,
      boolean addDummyPrefix,
      boolean removeExtraBlanks,
      boolean escapeBlanks,
      boolean blankAsSuffix) {}

  /**
   * Reads a file's bytes.
   *
   * @throws IOException when they are cut off, something else, or contradict themselves
   */
  static SentencePieceModel parse(byte[] bytes) throws IOException {
    List<Piece> pieces = new ArrayList<>();
    byte[] trainer = {};
    byte[] normalizer = {};
    byte[] denormalizer = {};
    for (ProtocolBuffer in = new ProtocolBuffer(bytes); in.next(); ) {
      switch (in.field()) {
        case 1 -> pieces.add(piece(in.bytes()));
        case 2 -> trainer = in.bytes();
        case 3 -> normalizer = in.bytes();
        case 5 -> denormalizer = in.bytes();
        default -> in.skip();
      }
    }
    long modelType = 1;
    boolean suffix = false;
    boolean byteFallback = false;
    String unknownSurface = " \u2047 ";
    for (ProtocolBuffer in = new ProtocolBuffer(trainer); in.next(); ) {
      switch (in.field()) {
        case 3 -> modelType = in.number();
        case 24 -> suffix = in.number() != 0;
        case 35 -> byteFallback = in.number() != 0;
        case 44 -> unknownSurface = in.text();
        default -> in.skip();
      }
    }
    if (modelType != 1 && modelType != 2) {
      throw new IOException(
          "its model_type is %d, expected 1 (unigram) or 2 (BPE)".formatted(modelType));
    }
    check(pieces, byteFallback);
    return new SentencePieceModel(
        List.copyOf(pieces),
        modelType == 1,
        byteFallback,
        unknownSurface,
        normalization(normalizer, suffix),
        normalization(denormalizer, false));
  }

  private static Piece piece(byte[] bytes) throws IOException {
    String text = "";
    float score = 0;
    long type = 1;
    for (ProtocolBuffer in = new ProtocolBuffer(bytes); in.next(); ) {
      switch (in.field()) {
        case 1 -> text = in.text();
        case 2 -> score = in.float32();
        case 3 -> type = in.number();
        default -> in.skip();
      }
    }
    if (type < 1 || type > PieceType.values().length) {
      throw new IOException("a piece has the type %d, expected 1 to 6".formatted(type));
    }
    if (!Float.isFinite(score)) {
      throw new IOException("a piece has the score %s, expected a number".formatted(score));
    }
    return new Piece(text, score, PieceType.values()[(int) type - 1]);
  }

  private static Normalization normalization(byte[] bytes, boolean suffix) throws IOException {
    byte[] charMap = {};
    boolean prefix = true;
    boolean remove = true;
    boolean escape = true;
    for (ProtocolBuffer in = new ProtocolBuffer(bytes); in.next(); ) {
      switch (in.field()) {
        case 2 -> charMap = in.bytes();
        case 3 -> prefix = in.number() != 0;
        case 4 -> remove = in.number() != 0;
        case 5 -> escape = in.number() != 0;
        default -> in.skip();
      }
    }
    return new Normalization(charMap, prefix, remove, escape, suffix);
  }

  private static void check(List<Piece> pieces, boolean byteFallback) throws IOException {
    Set<String> texts = new HashSet<>();
    int unknown = 0;
    int bytes = 0;
    for (Piece p : pieces) {
      if (p.text().isEmpty() || !texts.add(p.text())) {
        throw new IOException(
            "piece %d ('%s') is empty or duplicated"
                .formatted(texts.size(), p.text().replaceAll("\\p{Cntrl}", "?")));
      }
      unknown += p.type() == PieceType.UNKNOWN ? 1 : 0;
      bytes += p.type() == PieceType.BYTE ? 1 : 0;
    }
    if (unknown != 1) {
      throw new IOException(
          "%d of its %d pieces are the unknown one, expected 1".formatted(unknown, pieces.size()));
    }
    for (int b = 0; b < 256 && byteFallback; b++) {
      if (!texts.contains(byteText(b))) {
        throw new IOException("it has no piece %s for byte_fallback".formatted(byteText(b)));
      }
    }
    if (bytes != (byteFallback ? 256 : 0)) {
      throw new IOException(
          "it has %d byte pieces, expected %d".formatted(bytes, byteFallback ? 256 : 0));
    }
  }

  /** Whether a file is one by its name, {@code tokenizer.model}. */
  static boolean isName(Path file) {
    return file.toString().endsWith(".model");
  }

  /** How the piece of a byte is written. */
  static String byteText(int b) {
    return "<0x%02X>".formatted(b);
  }

  /** The id of the unknown piece. */
  int unknownId() {
    int id = 0;
    while (pieces.get(id).type() != PieceType.UNKNOWN) {
      id++;
    }
    return id;
  }

  /** UTF-8 bytes as the ISO 8859-1 text in which pieces are looked up. */
  static String latin1(String text) {
    return new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
  }
}
