package org.tune4j.tokenizers;

import java.util.Map;
import java.util.PriorityQueue;

/**
 * Byte-pair encoding by ranks: of neighbours that are a token together, those of the lowest rank
 * are joined first, and of these the leftmost (Sennrich et al. 2016). Texts are byte sequences,
 * written as ISO 8859-1.
 */
final class BytePairs {
  private final Map<String, Integer> ranks;

  /** Ranks of byte sequences. */
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

  /** A sequence's rank; -1 where it is no token. */
  int rank(String bytes) {
    return ranks.getOrDefault(bytes, -1);
  }

  /**
   * Joins neighbours as long as there are any that are a token.
   *
   * @param end where the part ends that begins at a place, 0 where none begins; is changed to what
   *     was joined
   * @param whole whether all parts may become one
   */
  void join(String bytes, int[] end, boolean whole) {
    int n = bytes.length();
    int[] before = new int[n + 1]; // where the part that ends here begins
    PriorityQueue<Pair> pairs = new PriorityQueue<>();
    for (int i = 0; i < n; i = end[i]) {
      before[end[i]] = i;
      if (i > 0) {
        queue(pairs, bytes, before[i], i, end[i], whole);
      }
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
        queue(pairs, bytes, p.from, p.to, end[p.to], whole);
      }
      if (p.from > 0) {
        queue(pairs, bytes, before[p.from], p.from, p.to, whole);
      }
    }
  }

  private void queue(
      PriorityQueue<Pair> pairs, String bytes, int from, int middle, int to, boolean whole) {
    if (!whole && from == 0 && to == bytes.length()) {
      return;
    }
    Integer rank = ranks.get(bytes.substring(from, to));
    if (rank != null) {
      pairs.add(new Pair(rank, from, middle, to));
    }
  }
}
