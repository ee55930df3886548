package org.tune4j.checkpointing;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.tune4j.InputException;
import org.tune4j.adapters.Adapters;
import org.tune4j.checkpoint.HuggingFaceFolder;
import org.tune4j.checkpoint.HuggingFaceFolder.Weight;
import org.tune4j.checkpoint.SafetensorsFile.Entry;
import org.tune4j.models.Decoder;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.StateDict;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;

/** The weights of a Hugging Face folder as a decoder takes them. */
final class BaseWeights {
  private BaseWeights() {}

  /** How a weight comes from a file. */
  interface Reader {
    Tensor read(Engine engine, Path file, Entry entry);
  }

  /**
   * Compares the names and shapes of a folder's weights with a model's.
   *
   * @throws InputException naming what does not fit
   */
  static void match(Decoder decoder, HuggingFaceFolder folder) {
    Map<String, Shape> shapes = new LinkedHashMap<>();
    folder.weights().forEach((name, w) -> shapes.put(name, Shape.of(w.entry().dimensions())));
    Map<String, Parameter> adapters = Adapters.parameters(decoder);
    try {
      StateDict.match(decoder, shapes, adapters.isEmpty()).requireAllBut(adapters.keySet());
    } catch (InputException e) {
      throw new InputException("checkpoint %s: %s".formatted(folder.path(), e.getMessage()), e);
    }
  }

  /** Weights in the model's type, or quantised; they belong to the innermost scope. */
  static Map<String, Tensor> read(
      Map<String, Weight> weights, Engine engine, DType dtype, Reader reader) {
    Map<String, Tensor> base = new LinkedHashMap<>();
    weights.forEach(
        (name, w) -> {
          Tensor stored = reader.read(engine, w.file(), w.entry());
          if (stored.dtype() == dtype || stored.dtype().isQuantised()) {
            base.put(name, stored);
          } else {
            base.put(name, stored.cast(dtype));
            stored.close();
          }
        });
    return base;
  }
}
