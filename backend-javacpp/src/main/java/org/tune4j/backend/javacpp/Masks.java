package org.tune4j.backend.javacpp;

import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Causal masks, those used last kept. */
final class Masks {
  /** Bytes kept at most: 2048 positions three times over, in bf16. */
  private static final long LIMIT = 64L << 20;

  /**
   * Which mask: {@code rows} queries, the last of them at the last of {@code keys} positions.
   *
   * @param group how many times the rows are repeated
   */
  record Key(int rows, int keys, int group, int window, ScalarType type, String device) {
    long bytes() {
      return 4L * group * rows * keys;
    }
  }

  private final Map<Key, Tensor> kept = new LinkedHashMap<>(16, 0.75f, true);
  private long bytes;

  /**
   * {@code [1, group * rows, keys]}: 0 where a query sees a key, minus infinity elsewhere. Belongs
   * to the caller's pointer scope.
   */
  Tensor get(Key key, org.bytedeco.pytorch.Device device) {
    synchronized (this) {
      Tensor known = kept.get(key);
      if (known != null) {
        return new Tensor(known);
      }
    }
    Tensor made = make(key, device);
    if (key.bytes() <= LIMIT) {
      keep(key, made);
    }
    return made;
  }

  private synchronized void keep(Key key, Tensor made) {
    if (kept.containsKey(key)) {
      return;
    }
    var oldest = kept.entrySet().iterator();
    while (bytes + key.bytes() > LIMIT && oldest.hasNext()) {
      Map.Entry<Key, Tensor> e = oldest.next();
      bytes -= e.getKey().bytes();
      e.getValue().deallocate();
      oldest.remove();
    }
    Tensor own = new Tensor(made);
    own.retainReference();
    kept.put(key, own);
    bytes += key.bytes();
  }

  private static Tensor make(Key key, org.bytedeco.pytorch.Device device) {
    float[] mask = new float[Math.multiplyExact(key.rows, key.keys)];
    int first = key.keys - key.rows;
    for (int i = 0; i < key.rows; i++) {
      int position = first + i;
      for (int j = 0; j < key.keys; j++) {
        boolean seen = j <= position && (key.window <= 0 || position - j < key.window);
        mask[i * key.keys + j] = seen ? 0 : Float.NEGATIVE_INFINITY;
      }
    }
    Tensor there =
        torch.from_blob(
            new FloatPointer(mask),
            new long[] {1, key.rows, key.keys},
            new TensorOptions(ScalarType.Float));
    return there
        .expand(key.group, key.rows, key.keys)
        .reshape(1, (long) key.group * key.rows, key.keys)
        .to(device, key.type)
        .clone();
  }

  synchronized void close() {
    kept.values().forEach(Tensor::deallocate);
    kept.clear();
    bytes = 0;
  }
}
