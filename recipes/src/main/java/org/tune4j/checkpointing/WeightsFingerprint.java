package org.tune4j.checkpointing;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.TreeMap;
import org.tune4j.InputException;
import org.tune4j.checkpoint.HuggingFaceFolder;
import org.tune4j.checkpoint.HuggingFaceFolder.Weight;
import org.tune4j.checkpoint.SafetensorsFile.Entry;

/**
 * SHA-256 over a checkpoint's tensors in the order of their names: name, type, shape, and bytes. Of
 * a tensor of more than 1 MiB, 64 blocks of 16 KiB at even distances stand for all: a model of 7
 * billion weights is read in seconds, another model differs in every tensor. A few changed bytes
 * between the blocks go unnoticed; that is what a file's checksum is for.
 */
final class WeightsFingerprint {
  private static final int BLOCK = 16 << 10;
  private static final int BLOCKS = 64;

  private WeightsFingerprint() {}

  /**
   * Of a folder's weights.
   *
   * @param sizes what else decides what they compute
   * @throws InputException when a file cannot be read
   */
  static String of(HuggingFaceFolder folder, String sizes) {
    MessageDigest hash;
    try {
      hash = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
    text(hash, sizes);
    Map<Path, FileChannel> open = new HashMap<>();
    try {
      for (Map.Entry<String, Weight> e : new TreeMap<>(folder.weights()).entrySet()) {
        Path file = e.getValue().file();
        FileChannel channel = open.get(file);
        if (channel == null) {
          channel = FileChannel.open(file);
          open.put(file, channel);
        }
        Entry entry = e.getValue().entry();
        text(hash, e.getKey() + " " + entry.type() + " " + entry.shape());
        bytes(hash, channel, entry);
      }
    } catch (IOException e) {
      throw new InputException(
          "the weights in %s cannot be read: %s".formatted(folder.path(), e), e);
    } finally {
      for (FileChannel channel : open.values()) {
        try {
          channel.close();
        } catch (IOException e) {
          // It was only read.
        }
      }
    }
    return HexFormat.of().formatHex(hash.digest());
  }

  private static void text(MessageDigest hash, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    hash.update(ByteBuffer.allocate(Integer.BYTES).putInt(0, bytes.length));
    hash.update(bytes);
  }

  private static void bytes(MessageDigest hash, FileChannel channel, Entry entry)
      throws IOException {
    long length = entry.length();
    boolean whole = length <= (long) BLOCKS * BLOCK;
    long blocks = whole ? (length + BLOCK - 1) / BLOCK : BLOCKS;
    ByteBuffer block = ByteBuffer.allocate(BLOCK);
    for (long i = 0; i < blocks; i++) {
      // The first block begins the tensor, the last one ends it.
      long at = whole ? i * BLOCK : (length - BLOCK) * i / (BLOCKS - 1);
      block.clear().limit((int) Math.min(BLOCK, length - at));
      entry.layout().read(channel, entry, at, block);
      hash.update(block.flip());
    }
  }
}
