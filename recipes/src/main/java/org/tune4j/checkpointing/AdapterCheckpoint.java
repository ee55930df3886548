package org.tune4j.checkpointing;

import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;
import org.tune4j.adapters.AdapterStateDict;
import org.tune4j.adapters.Adapters;
import org.tune4j.adapters.SavedAdapter;
import org.tune4j.checkpoint.SafetensorsFile.Entry;
import org.tune4j.models.Decoder;
import org.tune4j.models.ModelConfig;
import org.tune4j.nn.StateDict;
import org.tune4j.optim.Chunks;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Precision;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/**
 * The tensors of a saved adapter as a decoder takes them.
 *
 * @param saved read from its folder
 */
record AdapterCheckpoint(SavedAdapter saved) {
  /** Elements that are compared at once. */
  private static final int PIECE = 1 << 20;

  /**
   * A model with these adapters, without storage.
   *
   * @throws InputException when the model does not have what is adapted
   */
  Decoder adapted(ModelConfig model, Precision precision) {
    Decoder decoder = model.build(precision.stored());
    decoder.computeIn(precision);
    saved.requireModules(decoder);
    decoder.adapt(saved.config());
    return decoder;
  }

  /**
   * Gives a decoder's adapters their values, which belong to the innermost scope.
   *
   * @param decoder adapted as its config says
   * @param base its weights by full name, in any type; asked for those without storage
   * @throws InputException when they do not fit
   */
  void load(Engine engine, Decoder decoder, Function<String, @Nullable Tensor> base) {
    Map<Entry, Tensor> read = new HashMap<>();
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    saved
        .tensors()
        .forEach(
            (tensor, entry) ->
                tensors.put(
                    tensor.name(),
                    read.computeIfAbsent(entry, e -> TensorFiles.read(engine, saved.file(), e))));
    try {
      AdapterStateDict.validate(decoder, tensors);
    } catch (InputException e) {
      throw saved.wrong(String.valueOf(e.getMessage()));
    }
    StateDict.load(decoder, tensors, false);
    Adapters.derive(engine, decoder, base);
  }

  /**
   * Base weights that were saved along and are not the model's own, by full name and in its type;
   * they belong to the innermost scope. PEFT computes with them.
   *
   * @param decoder that the adapter is loaded into
   * @param base its weights by full name, in any type
   * @throws InputException when the model has none of that name and shape
   */
  Map<String, Tensor> replaced(
      Engine engine, Decoder decoder, Function<String, @Nullable Tensor> base) {
    Map<String, Tensor> replaced = new LinkedHashMap<>();
    saved
        .baseWeights()
        .forEach(
            (stored, entry) -> {
              String name = decoder.sharedNames().getOrDefault(stored, stored);
              try (TensorScope scope = engine.openScope()) {
                Tensor own = base.apply(name);
                if (own == null) {
                  throw saved.wrong(
                      "it holds '%s', which the model does not have; it was made for another model"
                          .formatted(stored));
                }
                if (!own.shape().equals(Shape.of(entry.dimensions()))) {
                  throw saved.wrong(
                      "it holds '%s' of shape %s, the model's has %s; use the model that it was trained on, or %s"
                          .formatted(stored, entry.shape(), own.shape(), SavedAdapter.MERGE));
                }
                Tensor read = TensorFiles.read(engine, saved.file(), entry);
                Tensor narrowed = TensorFiles.narrow(read, decoder.precision().stored());
                if (!same(narrowed, TensorFiles.narrow(own, decoder.precision().stored()))) {
                  replaced.put(name, scope.moveOut(narrowed));
                }
              }
            });
    return replaced;
  }

  /**
   * Refuses what training on would lose.
   *
   * @param base as in {@link #replaced}
   * @throws InputException when base weights that were saved along are not the model's own
   */
  void requireBase(Engine engine, Decoder decoder, Function<String, @Nullable Tensor> base) {
    try (TensorScope scope = engine.openScope()) {
      Map<String, Tensor> replaced = replaced(engine, decoder, base);
      if (!replaced.isEmpty()) {
        throw saved.wrong(
            "it contains its own '%s', which continued training would lose; merge it with tune merge and train on the merged model"
                .formatted(replaced.keySet().iterator().next()));
      }
    }
  }

  /** Whether two tensors of one shape and type are the same bits. */
  private static boolean same(Tensor a, Tensor b) {
    Engine engine = a.engine();
    try (TensorScope scope = engine.openScope();
        Engine.NoGradient off = engine.noGradient()) {
      List<Tensor> left = Chunks.of(a, PIECE);
      List<Tensor> right = Chunks.of(b, PIECE);
      int width = a.dtype().bytes();
      ByteBuffer one = ByteBuffer.allocateDirect(PIECE * width);
      ByteBuffer other = ByteBuffer.allocateDirect(PIECE * width);
      for (int i = 0; i < left.size(); i++) {
        int length = (int) left.get(i).shape().elements() * width;
        ByteBuffer l = one.slice(0, length);
        ByteBuffer r = other.slice(0, length);
        left.get(i).read(l);
        right.get(i).read(r);
        if (!l.clear().equals(r.clear())) {
          return false;
        }
      }
      return true;
    }
  }
}
