package org.tune4j.checkpointing;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;
import org.tune4j.checkpoint.PeftAdapter;
import org.tune4j.checkpoint.PeftAdapterConfig;
import org.tune4j.models.Decoder;
import org.tune4j.models.DecoderConfig;
import org.tune4j.models.LoraConfig;
import org.tune4j.peft.LoraStateDict;
import org.tune4j.peft.StateDict;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/**
 * A PEFT adapter as a decoder takes it. Its tensors' names say which linears it adapts, its config
 * the rank and alpha of each.
 *
 * @param path as the user gave it
 * @param adapter read from there
 */
record AdapterCheckpoint(Path path, PeftAdapter adapter) {
  /** Elements that are compared at once. */
  private static final int PIECE = 1 << 20;

  /**
   * Opens an adapter of a kind that decoders have.
   *
   * @throws InputException when it is missing, broken or of another kind
   */
  static AdapterCheckpoint open(Path path) {
    PeftAdapter adapter = PeftAdapter.open(path);
    if (adapter.config().useDora()) {
      throw new InputException(
          "adapter %s is a DoRA adapter (use_dora is true), which is not supported yet; %s"
              .formatted(path, PeftAdapterConfig.MERGE));
    }
    return new AdapterCheckpoint(path, adapter);
  }

  /**
   * How it adapts a model of these sizes.
   *
   * @throws InputException when the model does not have what it adapts
   */
  LoraConfig lora(DecoderConfig sizes, double dropout) {
    PeftAdapterConfig config = adapter.config();
    Map<String, Integer> ranks = new LinkedHashMap<>();
    Map<String, Double> alphas = new LinkedHashMap<>();
    for (String module : adapter.modules()) {
      if (config.rank(module) != config.rank()) {
        ranks.put(module, config.rank(module));
      }
      if (config.alpha(module) != config.alpha()) {
        alphas.put(module, config.alpha(module));
      }
    }
    return new LoraConfig(
        targets(sizes), config.rank(), config.alpha(), dropout, config.useRslora(), ranks, alphas);
  }

  /** A name where all modules of that name are adapted, else paths; in the model's order. */
  private List<String> targets(DecoderConfig sizes) {
    Map<String, List<String>> byName = new LinkedHashMap<>();
    for (String path : new Decoder(sizes, null, DType.FP32).modules().keySet()) {
      byName.computeIfAbsent(name(path), n -> new ArrayList<>()).add(path);
    }
    TreeSet<String> left = new TreeSet<>(adapter.modules());
    List<String> targets = new ArrayList<>();
    byName.forEach(
        (name, paths) -> {
          List<String> here = paths.stream().filter(left::remove).toList();
          targets.addAll(here.size() == paths.size() ? List.of(name) : here);
        });
    if (!left.isEmpty()) {
      throw wrong(
          "the adapter adapts '%s', which the model does not have; it was made for another model"
              .formatted(left.first()));
    }
    return targets;
  }

  private static String name(String path) {
    return path.substring(path.lastIndexOf('.') + 1);
  }

  /**
   * How a run trains it on. Its tensors decide which layers, its config each rank; the run's config
   * must ask for the same modules, rank and alpha.
   *
   * @param asked what the run's config says
   * @throws InputException naming what differs
   */
  LoraConfig lora(DecoderConfig sizes, LoraConfig asked) {
    LoraConfig own = lora(sizes, asked.dropout());
    if (own.rank() != asked.rank() || own.alpha() != asked.alpha()) {
      throw new InputException(
          "adapter %s has rank %d and alpha %s, the config asks for rank %d and alpha %s; set lora_rank and lora_alpha to the adapter's"
              .formatted(path, own.rank(), own.alpha(), asked.rank(), asked.alpha()));
    }
    for (String module : adapter.modules()) {
      if (asked.at(module).isEmpty()) {
        throw wrong(
            "the adapter adapts '%s', the model does not; add it to lora_attn_modules, apply_lora_to_mlp or apply_lora_to_output"
                .formatted(module));
      }
    }
    List<String> keys = own.targetModules().stream().map(AdapterCheckpoint::key).toList();
    for (String target : asked.targetModules()) {
      if (!keys.contains(key(target))) {
        throw wrong(
            "the model adapts '%s', the adapter does not; leave it out of the model's lora_ keys"
                .formatted(target));
      }
    }
    return own;
  }

  /** What a config names a module by: the three of an MLP together. */
  private static String key(String target) {
    String name = name(target);
    return LoraConfig.MLP.contains(name) ? LoraConfig.MLP.get(0) : name;
  }

  /**
   * Gives a decoder's adapters their values, which belong to the innermost scope.
   *
   * @param decoder adapted as {@link #lora} says
   * @throws InputException when they do not fit
   */
  void load(Engine engine, Decoder decoder) {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    adapter
        .tensors()
        .forEach(
            (name, entry) ->
                tensors.put(
                    name.module() + "." + name.part().suffix(),
                    TensorFiles.read(engine, adapter.file(), entry)));
    try {
      LoraStateDict.validateAdapter(decoder, tensors);
    } catch (InputException e) {
      throw wrong(String.valueOf(e.getMessage()));
    }
    StateDict.load(decoder, tensors, false);
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
    adapter
        .baseWeights()
        .forEach(
            (saved, entry) -> {
              String name = decoder.sharedNames().getOrDefault(saved, saved);
              try (TensorScope scope = engine.openScope()) {
                Tensor own = base.apply(name);
                if (own == null) {
                  throw wrong(
                      "it holds '%s', which the model does not have; it was made for another model"
                          .formatted(saved));
                }
                if (!own.shape().equals(Shape.of(entry.dimensions()))) {
                  throw wrong(
                      "it holds '%s' of shape %s, the model's has %s; give the model that it was trained on, or %s"
                          .formatted(saved, entry.shape(), own.shape(), PeftAdapterConfig.MERGE));
                }
                Tensor stored = TensorFiles.read(engine, adapter.file(), entry);
                Tensor narrowed = TensorFiles.narrow(stored, decoder.dtype());
                if (!same(narrowed, TensorFiles.narrow(own, decoder.dtype()))) {
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
        throw wrong(
            "it brings a '%s' of its own, which training on would lose; merge it with tune merge and train on the merged model"
                .formatted(replaced.keySet().iterator().next()));
      }
    }
  }

  /** Whether two tensors of one shape and type are the same bits. */
  private static boolean same(Tensor a, Tensor b) {
    Engine engine = a.engine();
    try (TensorScope scope = engine.openScope();
        Engine.NoGradient off = engine.noGradient()) {
      List<Tensor> left = a.pieces(PIECE);
      List<Tensor> right = b.pieces(PIECE);
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

  private InputException wrong(String why) {
    return new InputException("adapter %s: %s".formatted(path, why));
  }
}
