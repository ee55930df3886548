package org.tune4j.checkpointing;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.tune4j.InputException;
import org.tune4j.adapters.Adapters;
import org.tune4j.checkpoint.HuggingFaceFolder;
import org.tune4j.checkpoint.HuggingFaceFolder.Weight;
import org.tune4j.checkpoint.SafetensorsFile.Entry;
import org.tune4j.collective.ProcessGroup;
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

  /**
   * Frozen weights, which ranks and runs of one process share.
   *
   * @param quantised the types of those to be quantised, by full name
   * @param dtype that the others are converted to
   * @param mapped false to read them into memory
   */
  static Map<String, Tensor> shared(
      ProcessGroup ranks,
      HuggingFaceFolder folder,
      Map<String, DType> quantised,
      DType dtype,
      boolean mapped) {
    Reader reader = mapped ? TensorFiles::map : TensorFiles::readQuantised;
    return ranks.once(
        new Shared(places(folder), quantised, dtype, mapped),
        () -> read(QuantisedWeights.of(folder, quantised), ranks.engine(), dtype, reader));
  }

  /** What decides the bits of frozen weights, and where they lie. */
  private record Shared(
      Map<String, Place> places, Map<String, DType> quantised, DType dtype, boolean mapped) {}

  /** Where a weight comes from; the shape tells how many rows it has for added tokens. */
  private record Place(Path file, String name, List<Long> shape) {}

  private static Map<String, Place> places(HuggingFaceFolder folder) {
    Map<String, Place> places = new LinkedHashMap<>();
    folder
        .weights()
        .forEach(
            (name, w) ->
                places.put(name, new Place(w.file(), w.entry().name(), w.entry().shape())));
    return places;
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
