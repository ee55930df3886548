package org.tune4j.tokenizers;

import java.io.IOException;

/** The protocol buffer inside a SentencePiece {@code tokenizer.model}, read as far as is needed. */
final class SentencePieceModel {
  private static final int PIECES = 1;

  private final byte[] bytes;
  private int at;

  private SentencePieceModel(byte[] bytes) {
    this.bytes = bytes;
  }

  /**
   * How many pieces there are.
   *
   * @throws IOException when the file is cut off or something else
   */
  static int vocabSize(byte[] bytes) throws IOException {
    return new SentencePieceModel(bytes).pieces();
  }

  private int pieces() throws IOException {
    int pieces = 0;
    while (at < bytes.length) {
      long tag = varint();
      pieces += tag >>> 3 == PIECES ? 1 : 0;
      switch ((int) (tag & 7)) {
        case 0 -> varint();
        case 1 -> skip(8);
        case 2 -> skip(varint());
        case 5 -> skip(4);
        default -> throw broken();
      }
    }
    if (pieces == 0) {
      throw broken();
    }
    return pieces;
  }

  private long varint() throws IOException {
    long value = 0;
    for (int shift = 0; shift < 64 && at < bytes.length; shift += 7) {
      byte b = bytes[at++];
      value |= (long) (b & 0x7f) << shift;
      if (b >= 0) {
        return value;
      }
    }
    throw broken();
  }

  private void skip(long n) throws IOException {
    if (n < 0 || n > bytes.length - at) {
      throw broken();
    }
    at += (int) n;
  }

  private IOException broken() {
    return new IOException(
        "it is cut off or no SentencePiece model, at byte %d of %d".formatted(at, bytes.length));
  }
}
