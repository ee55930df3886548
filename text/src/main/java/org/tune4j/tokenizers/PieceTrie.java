package org.tune4j.tokenizers;

import java.util.Arrays;

/** Byte sequences with a value each, to be followed byte by byte. */
final class PieceTrie {
  static final int NONE = -1;

  private int[] child = new int[256];
  private int[] sibling = new int[256];
  private int[] value = new int[256];
  private char[] label = new char[256];
  private int size = 1;

  PieceTrie() {
    value[0] = NONE;
  }

  /**
   * Adds a sequence.
   *
   * @param bytes as ISO 8859-1 text, not empty
   */
  void add(String bytes, int id) {
    int node = 0;
    for (int i = 0; i < bytes.length(); i++) {
      int next = next(node, bytes.charAt(i));
      node = next != NONE ? next : append(node, bytes.charAt(i));
    }
    value[node] = id;
  }

  private int append(int parent, char c) {
    if (size == label.length) {
      child = Arrays.copyOf(child, 2 * size);
      sibling = Arrays.copyOf(sibling, 2 * size);
      value = Arrays.copyOf(value, 2 * size);
      label = Arrays.copyOf(label, 2 * size);
    }
    label[size] = c;
    value[size] = NONE;
    sibling[size] = child[parent];
    child[parent] = size;
    return size++;
  }

  /** The node behind a byte; {@link #NONE} where no sequence goes on with it. The root is 0. */
  int next(int node, char c) {
    int at = child[node];
    while (at != 0 && label[at] != c) {
      at = sibling[at];
    }
    return at == 0 ? NONE : at;
  }

  /** The value of the sequence that ends in a node; {@link #NONE} where none does. */
  int value(int node) {
    return value[node];
  }

  /** How long the longest sequence is that begins at a place; 0 where none does. */
  int longest(String bytes, int from) {
    int length = 0;
    int node = 0;
    for (int i = from; i < bytes.length(); i++) {
      node = next(node, bytes.charAt(i));
      if (node == NONE) {
        break;
      }
      length = value[node] == NONE ? length : i + 1 - from;
    }
    return length;
  }
}
