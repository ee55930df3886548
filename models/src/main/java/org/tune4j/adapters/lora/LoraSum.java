package org.tune4j.adapters.lora;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;
import org.tune4j.UsageException;
import org.tune4j.adapters.AdapterSum;
import org.tune4j.adapters.AdapterTensor;
import org.tune4j.adapters.TargetModules;
import org.tune4j.checkpoint.SafetensorsFile.Entry;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/**
 * A weighted sum of plain LoRA adapters as one adapter, as PEFT's {@code add_weighted_adapter}
 * makes it.
 */
final class LoraSum implements AdapterSum {
  private final Engine engine;
  private final Type type;
  private final List<Part> parts;
  private final int rank;

  /**
   * Checks that there is such a sum.
   *
   * @param engine that computes it
   * @param type how its factors come about
   * @param parts one or more
   * @param rank of an svd; null for the largest of the parts
   * @throws InputException when an adapter is more than plain LoRA
   * @throws UsageException when ranks do not fit the type
   */
  LoraSum(Engine engine, Type type, List<Part> parts, @Nullable Integer rank) {
    this.engine = engine;
    this.type = type;
    this.parts = List.copyOf(parts);
    for (Part p : parts) {
      if (!(p.adapter().config() instanceof LoraConfig config)
          || !config.isPlain()
          || !p.adapter().baseWeights().isEmpty()) {
        throw p.adapter()
            .wrong(
                "it is more than plain LoRA (DoRA, a bias, PiSSA, OLoRA, saved modules or base weights), and has no weighted sum; merge it into the model with tune merge");
      }
    }
    List<Integer> ranks = parts.stream().map(LoraSum::largestRank).toList();
    if (type != Type.SVD && rank != null) {
      throw new UsageException(
          "a rank is given for %s, which has its own; leave it out".formatted(type));
    }
    if (rank != null && rank < 1) {
      throw new UsageException("the rank is %d, expected 1 or more".formatted(rank));
    }
    if (type == Type.LINEAR && ranks.stream().distinct().count() > 1) {
      throw new UsageException(
          "the adapters have the ranks %s, and linear needs one rank; take cat or svd"
              .formatted(ranks));
    }
    this.rank =
        switch (type) {
          case LINEAR -> ranks.get(0);
          case CAT -> ranks.stream().mapToInt(r -> r).sum();
          case SVD -> rank == null ? ranks.stream().mapToInt(r -> r).max().orElseThrow() : rank;
        };
  }

  /** With a scale of 1. */
  @Override
  public LoraConfig config() {
    return new LoraConfig(TargetModules.of(modules()), rank, rank);
  }

  @Override
  public List<String> modules() {
    TreeSet<String> modules = new TreeSet<>();
    parts.forEach(p -> modules.addAll(p.adapter().modules()));
    return List.copyOf(modules);
  }

  @Override
  public Map<String, Tensor> tensors() {
    Map<String, Tensor> all = new LinkedHashMap<>();
    for (String module : modules()) {
      try (TensorScope scope = engine.openScope();
          Engine.NoGradient off = engine.noGradient()) {
        Factors sum = sum(module);
        all.put(new AdapterTensor(module, LoraAdapter.A).name(), scope.moveOut(sum.down()));
        all.put(new AdapterTensor(module, LoraAdapter.B).name(), scope.moveOut(sum.up()));
      }
    }
    return all;
  }

  private Factors sum(String module) {
    List<Tensor> downs = new ArrayList<>();
    List<Tensor> ups = new ArrayList<>();
    for (Part p : parts) {
      if (adapts(p, module)) {
        double weight = p.weight() * config(p).scale(module);
        double root = type == Type.LINEAR ? Math.sqrt(Math.abs(weight)) : 1;
        Tensor down = factor(p, module, LoraAdapter.A);
        Tensor up = factor(p, module, LoraAdapter.B);
        requireOneModel(p, module, downs, ups, down, up);
        downs.add(down.mul(type == Type.LINEAR ? Math.signum(weight) * root : weight));
        ups.add(up.mul(root));
      }
    }
    Factors sum =
        switch (type) {
          case LINEAR -> new Factors(total(downs), total(ups));
          case CAT -> new Factors(Tensor.cat(downs, 0), Tensor.cat(ups, 1));
          case SVD ->
              Decompositions.largest(engine, Tensor.cat(downs, 0), Tensor.cat(ups, 1), rank);
        };
    return padded(sum);
  }

  private void requireOneModel(
      Part p, String module, List<Tensor> downs, List<Tensor> ups, Tensor down, Tensor up) {
    if (downs.isEmpty()) {
      return;
    }
    Tensor a = downs.get(0);
    Tensor b = ups.get(0);
    if (a.size(1) != down.size(1) || b.size(0) != up.size(0)) {
      throw p.adapter()
          .wrong(
              "'%s' is [%d, %d], in %s [%d, %d]; the adapters are of different models"
                  .formatted(
                      module,
                      up.size(0),
                      down.size(1),
                      parts.get(0).adapter().path(),
                      b.size(0),
                      a.size(1)));
    }
    if (type == Type.LINEAR && a.size(0) != down.size(0)) {
      throw p.adapter()
          .wrong(
              "'%s' has rank %d, in %s %d, and linear needs one rank; take cat or svd"
                  .formatted(module, down.size(0), parts.get(0).adapter().path(), a.size(0)));
    }
  }

  private static Tensor total(List<Tensor> all) {
    return all.stream().reduce(Tensor::add).orElseThrow();
  }

  /** With zeros up to the rank, where a module has fewer. */
  private Factors padded(Factors sum) {
    long missing = rank - sum.down().size(0);
    if (missing == 0) {
      return sum;
    }
    Tensor down = engine.zeros(DType.FP32, Shape.of(missing, sum.down().size(1)));
    Tensor up = engine.zeros(DType.FP32, Shape.of(sum.up().size(0), missing));
    return new Factors(
        Tensor.cat(List.of(sum.down(), down), 0), Tensor.cat(List.of(sum.up(), up), 1));
  }

  private static LoraConfig config(Part part) {
    return (LoraConfig) part.adapter().config();
  }

  private static boolean adapts(Part part, String module) {
    return part.adapter().tensors().containsKey(new AdapterTensor(module, LoraAdapter.A));
  }

  private static Tensor factor(Part part, String module, String name) {
    AdapterTensor tensor = new AdapterTensor(module, name);
    Entry entry = Objects.requireNonNull(part.adapter().tensors().get(tensor));
    return part.values().apply(entry).cast(DType.FP32);
  }

  private static int largestRank(Part part) {
    int rank = config(part).rank();
    return config(part).rankPattern().values().stream().reduce(rank, Math::max);
  }
}
