package org.tune4j.tokenizers;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.tune4j.tokenizers.SentencePieceModel.Piece;
import org.tune4j.tokenizers.SentencePieceModel.PieceType;

/** Cuts a normalised text into pieces. Texts are UTF-8 bytes, written as ISO 8859-1. */
sealed interface SentencePieceCutter {
  /** What takes the pieces, in their order. */
  @FunctionalInterface
  interface Sink {
    void piece(String bytes, int id);
  }

  void cut(String bytes, Sink sink);

  /** Joins neighbours, the pair of the highest score first. */
  final class Bpe implements SentencePieceCutter {
    private final BytePairs pairs;
    private final Map<String, Integer> ids;
    private final List<Piece> pieces;
    private final PieceTrie userDefined;
    private final int unknown;

    Bpe(SentencePieceModel model, Map<String, Integer> ids, PieceTrie userDefined) {
      this.pieces = model.pieces();
      this.ids = ids;
      this.userDefined = userDefined;
      this.unknown = model.unknownId();
      // Pieces of equal scores are of one rank, so that the leftmost pair goes first.
      TreeMap<Float, Integer> rankOfScore = new TreeMap<>();
      pieces.forEach(p -> rankOfScore.put(-p.score(), 0));
      int rank = 0;
      for (Map.Entry<Float, Integer> e : rankOfScore.entrySet()) {
        e.setValue(rank++);
      }
      Map<String, Integer> ranks = new HashMap<>();
      ids.forEach(
          (text, id) -> {
            Piece p = pieces.get(id);
            if (isJoined(p.type())) {
              ranks.put(text, rankOfScore.get(-p.score()));
            }
          });
      this.pairs = new BytePairs(ranks);
    }

    /** Nothing is joined across what a user has defined, so that each stretch is cut alone. */
    @Override
    public void cut(String bytes, Sink sink) {
      int from = 0;
      for (int at = 0; at < bytes.length(); ) {
        int whole = userDefined.longest(bytes, at);
        if (whole > 0) {
          cutStretch(bytes.substring(from, at), sink);
          String piece = bytes.substring(at, at + whole);
          sink.piece(piece, ids.getOrDefault(piece, unknown));
          from = at + whole;
        }
        at += whole > 0 ? whole : SentencePieceNormalizer.characterLength(bytes, at);
      }
      cutStretch(bytes.substring(from), sink);
    }

    private void cutStretch(String bytes, Sink sink) {
      int[] end = characters(bytes);
      pairs.join(bytes, end, true);
      for (int i = 0; i < bytes.length(); i = end[i]) {
        used(bytes.substring(i, end[i]), sink);
      }
    }

    /** A piece that is not to be used is given as what it was joined from. */
    private void used(String bytes, Sink sink) {
      int id = ids.getOrDefault(bytes, unknown);
      if (pieces.get(id).type() == PieceType.UNUSED) {
        int[] end = characters(bytes);
        pairs.join(bytes, end, false);
        if (end[0] < bytes.length()) {
          for (int i = 0; i < bytes.length(); i = end[i]) {
            used(bytes.substring(i, end[i]), sink);
          }
          return;
        }
      }
      sink.piece(bytes, id);
    }

    private static int[] characters(String bytes) {
      int[] end = new int[bytes.length()];
      for (int i = 0; i < end.length; i = end[i]) {
        end[i] = Math.min(end.length, i + SentencePieceNormalizer.characterLength(bytes, i));
      }
      return end;
    }
  }

  /** Finds the cut whose scores have the largest sum. */
  final class Unigram implements SentencePieceCutter {
    private static final float UNKNOWN_PENALTY = 10;

    /** Beyond what a piece scores, so that what a user has defined is always taken. */
    private static final float USER_DEFINED_BONUS = 0.1f;

    private final List<Piece> pieces;
    private final PieceTrie trie = new PieceTrie();
    private final int unknown;
    private final float unknownScore;
    private final float largest;

    Unigram(SentencePieceModel model, Map<String, Integer> ids) {
      this.pieces = model.pieces();
      this.unknown = model.unknownId();
      float min = Float.MAX_VALUE;
      float max = Float.MIN_NORMAL;
      for (Piece p : pieces) {
        if (p.type() == PieceType.NORMAL) {
          min = Math.min(min, p.score());
          max = Math.max(max, p.score());
        }
      }
      this.unknownScore = min - UNKNOWN_PENALTY;
      this.largest = max;
      ids.forEach(
          (text, id) -> {
            PieceType type = pieces.get(id).type();
            if (isJoined(type) && type != PieceType.UNUSED) {
              trie.add(text, id);
            }
          });
    }

    /** Scores are added in float, as SentencePiece does, so that ties fall the same way. */
    @Override
    public void cut(String bytes, Sink sink) {
      int n = bytes.length();
      int[] start = new int[n + 1]; // of the best piece that ends here
      int[] id = new int[n + 1];
      float[] best = new float[n + 1];
      Arrays.fill(start, -1);
      for (int from = 0; from < n; ) {
        int character = Math.min(n, from + SentencePieceNormalizer.characterLength(bytes, from));
        boolean known = false;
        int node = 0;
        for (int to = from + 1; to <= n; to++) {
          node = trie.next(node, bytes.charAt(to - 1));
          if (node == PieceTrie.NONE) {
            break;
          }
          int piece = trie.value(node);
          if (piece != PieceTrie.NONE) {
            float sum = score(piece, to - from) + best[from];
            if (start[to] < 0 || sum > best[to]) {
              best[to] = sum;
              start[to] = from;
              id[to] = piece;
            }
            known |= to == character;
          }
        }
        float sum = unknownScore + best[from];
        if (!known && (start[character] < 0 || sum > best[character])) {
          best[character] = sum;
          start[character] = from;
          id[character] = unknown;
        }
        from = character;
      }
      int[] end = new int[n];
      for (int to = n; to > 0; to = start[to]) {
        end[start[to]] = to;
      }
      for (int i = 0; i < n; i = end[i]) {
        sink.piece(bytes.substring(i, end[i]), id[end[i]]);
      }
    }

    private float score(int piece, int length) {
      return pieces.get(piece).type() == PieceType.USER_DEFINED
          ? length * largest - USER_DEFINED_BONUS
          : pieces.get(piece).score();
    }
  }

  private static boolean isJoined(PieceType type) {
    return type == PieceType.NORMAL || type == PieceType.USER_DEFINED || type == PieceType.UNUSED;
  }
}
