package org.tune4j.tokenizers;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.BitSet;

/**
 * SentencePiece's {@code precompiled_charsmap}: what byte sequences are replaced by. It is a
 * double-array trie (Darts), whose values are places in a list of texts that end in a zero byte.
 * Every unit that a text can lead to is checked beforehand, so that no look-up leaves the array.
 */
final class CharMap {
  /** A replacement and how many bytes it stands for. */
  record Match(String replacement, int length) {}

  private final int[] units;

  /** As ISO 8859-1 text. */
  private final String texts;

  private CharMap(int[] units, String texts) {
    this.units = units;
    this.texts = texts;
  }

  /**
   * Reads and checks a map.
   *
   * @param blob not empty
   * @throws IOException when a text could lead behind an end
   */
  static CharMap parse(byte[] blob) throws IOException {
    ByteBuffer in = ByteBuffer.wrap(blob).order(ByteOrder.LITTLE_ENDIAN);
    long size = blob.length < 4 ? -1 : Integer.toUnsignedLong(in.getInt());
    if (size < 4 || size >= blob.length - 4 || size % 4 != 0) {
      throw broken();
    }
    int[] units = new int[(int) size / 4];
    in.asIntBuffer().get(units);
    byte[] texts = Arrays.copyOfRange(blob, 4 + (int) size, blob.length);
    String decoded = new String(texts, StandardCharsets.UTF_8);
    if (texts[texts.length - 1] != 0
        || !Arrays.equals(decoded.getBytes(StandardCharsets.UTF_8), texts)) {
      throw broken();
    }
    CharMap map = new CharMap(units, new String(texts, StandardCharsets.ISO_8859_1));
    map.check();
    return map;
  }

  private static IOException broken() {
    return new IOException("its precompiled_charsmap is broken");
  }

  private void check() throws IOException {
    BitSet seen = new BitSet(units.length);
    ArrayDeque<Integer> open = new ArrayDeque<>();
    open.add(0);
    seen.set(0);
    while (!open.isEmpty()) {
      int at = open.remove();
      int children = children(at);
      if (children < 0 || (children | 0xff) >= units.length) {
        throw broken();
      }
      if (at != 0 && isLeaf(units[at])) {
        int text = value(units[children]);
        // A byte of 10xxxxxx goes on with a character.
        if (text >= texts.length() || (texts.charAt(text) & 0xc0) == 0x80) {
          throw broken();
        }
      }
      for (int c = 0; c < 256; c++) {
        int child = children ^ c;
        if (label(units[child]) == c && !seen.get(child)) {
          seen.set(child);
          open.add(child);
        }
      }
    }
  }

  private int children(int at) {
    int unit = units[at];
    return at ^ ((unit >>> 10) << ((unit & (1 << 9)) >>> 6));
  }

  private static boolean isLeaf(int unit) {
    return (unit >>> 8 & 1) == 1;
  }

  private static int value(int unit) {
    return unit & Integer.MAX_VALUE;
  }

  /** Beyond a byte for a unit that is a value. */
  private static int label(int unit) {
    return unit & (1 << 31 | 0xff);
  }

  /**
   * The longest sequence that begins at a place; of length 0 where none does.
   *
   * @param bytes as ISO 8859-1 text
   */
  Match longest(String bytes, int from) {
    int length = 0;
    int text = 0;
    int children = children(0);
    for (int i = from; i < bytes.length(); i++) {
      int at = children ^ bytes.charAt(i);
      if (label(units[at]) != bytes.charAt(i)) {
        break;
      }
      children = children(at);
      if (isLeaf(units[at])) {
        length = i + 1 - from;
        text = value(units[children]);
      }
    }
    return new Match(length == 0 ? "" : texts.substring(text, texts.indexOf('\0', text)), length);
  }
}
