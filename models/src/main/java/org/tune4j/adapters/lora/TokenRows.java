package org.tune4j.adapters.lora;

import java.util.Collections;
import java.util.List;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.tune4j.UsageException;
import org.tune4j.adapters.Merge;
import org.tune4j.nn.Module;
import org.tune4j.nn.Parameter;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;

/**
 * Trained rows in place of some of a table's, PEFT's {@code trainable_token_indices}: {@code
 * token_adapter.trainable_tokens_delta}, {@code [indices, dim]}, holds the rows themselves.
 */
final class TokenRows extends Module {
  static final String NAME = "token_adapter";
  static final String ROWS = "trainable_tokens_delta";

  private final Parameter table;
  private final List<Integer> indices;
  private final Parameter values;

  TokenRows(Parameter table, DType dtype, List<Integer> indices) {
    this.table = table;
    this.indices = indices;
    Shape shape = table.shape();
    if (Collections.max(indices) >= shape.size(0)) {
      throw new UsageException(
          "trainable_token_indices holds %d, the embedding has %d rows; name ids below, or add tokens with tokenizer.added_tokens"
              .formatted(Collections.max(indices), shape.size(0)));
    }
    Shape own = Shape.of(indices.size(), shape.size(1));
    values = add(new Parameter(ROWS, own, dtype, true));
  }

  Parameter values() {
    return values;
  }

  List<Integer> indices() {
    return indices;
  }

  int[] ids() {
    return indices.stream().mapToInt(Integer::intValue).toArray();
  }

  /** The table's rows as they are, in the trained rows' type. */
  Tensor original(Engine engine, DType dtype) {
    Tensor rows = table.tensor().indexSelect(engine.indices(ids()));
    return rows.dtype() == dtype ? rows : rows.cast(dtype);
  }

  /** Rows of ids, of which those that are trained are taken from elsewhere. */
  Tensor replaced(Tensor all, Tensor own, int[] ids) {
    TreeMap<Integer, Integer> at = new TreeMap<>();
    for (int i = 0; i < indices.size(); i++) {
      at.put(indices.get(i), ids.length + i);
    }
    int[] places = IntStream.range(0, ids.length).map(i -> at.getOrDefault(ids[i], i)).toArray();
    return Tensor.cat(List.of(all, own), 0).indexSelect(all.engine().indices(places));
  }

  void initialise(Engine engine) {
    values.set(original(engine, values.dtype()));
  }

  Tensor merge(Tensor value) {
    int[] all = IntStream.range(0, Math.toIntExact(value.size(0))).toArray();
    return replaced(value, Merge.wide(values.tensor()), all);
  }

  @Override
  public String toString() {
    return "tokens=" + indices;
  }
}
