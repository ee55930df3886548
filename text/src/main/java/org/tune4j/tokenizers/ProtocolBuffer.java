package org.tune4j.tokenizers;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** The fields of one message in Protocol Buffers' wire format, one after the other. */
final class ProtocolBuffer {
  private static final int VARINT = 0;
  private static final int FIXED64 = 1;
  private static final int LENGTH = 2;
  private static final int FIXED32 = 5;

  private final byte[] bytes;
  private int at;
  private int field;
  private int wireType;

  ProtocolBuffer(byte[] bytes) {
    this.bytes = bytes;
  }

  /** Goes on to the next field, whose value is then to be read or skipped; false at the end. */
  boolean next() throws IOException {
    if (at == bytes.length) {
      return false;
    }
    long tag = varint();
    field = (int) (tag >>> 3);
    wireType = (int) (tag & 7);
    return true;
  }

  /** The field's number. */
  int field() {
    return field;
  }

  long number() throws IOException {
    require(VARINT);
    return varint();
  }

  float float32() throws IOException {
    require(FIXED32);
    int from = at;
    advance(4);
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getFloat(from);
  }

  byte[] bytes() throws IOException {
    require(LENGTH);
    long length = varint();
    int from = at;
    advance(length);
    return Arrays.copyOfRange(bytes, from, at);
  }

  String text() throws IOException {
    return new String(bytes(), StandardCharsets.UTF_8);
  }

  void skip() throws IOException {
    switch (wireType) {
      case VARINT -> varint();
      case FIXED64 -> advance(8);
      case LENGTH -> advance(varint());
      case FIXED32 -> advance(4);
      default -> throw broken();
    }
  }

  private void require(int type) throws IOException {
    if (wireType != type) {
      throw broken();
    }
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

  private void advance(long n) throws IOException {
    if (n < 0 || n > bytes.length - at) {
      throw broken();
    }
    at += (int) n;
  }

  private IOException broken() {
    return new IOException(
        "it is truncated or not a SentencePiece model, at byte %d of %d"
            .formatted(at, bytes.length));
  }
}
