package org.tune4j.tokenizers;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.PriorityQueue;

/**
 * Byte-pair encoding by ranks: of neighbours that are a token together, those of the lowest rank
 * are joined first (Sennrich et al. 2016, on bytes).
 */
final class BytePairs {
  private final Map<String, Integer> ranks;

  /** Ranks of byte sequences, each written as ISO 8859-1 text. */
  BytePairs(Map<String, Integer> ranks) {
    this.ranks = ranks;
  }

  /** A neighbouring pair that is a token, as it was when it was queued. */
  private record Pair(int rank, int from, int middle, int to) implements Comparable<Pair> {
    @Override
    public int compareTo(Pair other) {
      int byRank = Integer.compare(rank, other.rank);
      return byRank != 0 ? byRank : Integer.compare(from, other.from);
    }
  }

  /** Ids of one piece of a text. */
  int[] encode(String piece) {
    String bytes = new String(piece.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
    Integer whole = ranks.get(bytes);
    return whole != null ? new int[] {whole} : join(bytes);
  }

  private int[] join(String bytes) {
    int n = bytes.length();
    int[] end = new int[n]; // of the part that begins here, 0 where none does
    int[] before = new int[n + 1]; // where the part that ends here begins
    PriorityQueue<Pair> pairs = new PriorityQueue<>();
    for (int i = 0; i < n; i++) {
      end[i] = i + 1;
      before[i + 1] = i;
      queue(pairs, bytes, i, i + 1, i + 2);
    }
    while (!pairs.isEmpty()) {
      Pair p = pairs.remove();
      if (end[p.from] != p.middle || end[p.middle] != p.to) {
        continue;
      }
      end[p.from] = p.to;
      end[p.middle] = 0;
      before[p.to] = p.from;
      if (p.to < n) {
        queue(pairs, bytes, p.from, p.to, end[p.to]);
      }
      if (p.from > 0) {
        queue(pairs, bytes, before[p.from], p.from, p.to);
      }
    }
    int[] ids = new int[n];
    int count = 0;
    for (int i = 0; i < n; i = end[i]) {
      ids[count++] = ranks.getOrDefault(bytes.substring(i, end[i]), 0);
    }
    return Arrays.copyOf(ids, count);
  }

  private void queue(PriorityQueue<Pair> pairs, String bytes, int from, int middle, int to) {
    Integer rank = to <= bytes.length() ? ranks.get(bytes.substring(from, to)) : null;
    if (rank != null) {
      pairs.add(new Pair(rank, from, middle, to));
    }
  }
}
