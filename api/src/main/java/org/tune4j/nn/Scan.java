package org.tune4j.nn;

import java.util.List;
import org.tune4j.tensor.Tensor;

/**
 * A recurrence over the tokens of a row: what a chunk of them gives, and the state in which it
 * leaves the row, follow from the chunk and the state before it. Holds nothing of a row itself.
 */
public interface Scan {
  /** {@return how many tokens are computed at once, in forward and again in backward} */
  int chunk();

  /** {@return the state of a row without tokens, owned by the calling thread's scope} */
  List<Tensor> begin();

  /**
   * Computes a chunk of one row.
   *
   * @param input the chunk's part of the input, {@code [n, ...]}
   * @param state before the chunk
   * @return owned by the calling thread's scope
   */
  Chunk next(Tensor input, List<Tensor> state);

  /**
   * What a chunk gives.
   *
   * @param output {@code [n, ...]}
   * @param state behind the chunk, with storage of its own, as it is kept
   */
  record Chunk(Tensor output, List<Tensor> state) {}

  /**
   * What rows laid end to end give.
   *
   * @param output of all tokens, {@code [tokens, ...]}
   * @param states behind each row
   */
  record Rows(Tensor output, List<List<Tensor>> states) {}
}
