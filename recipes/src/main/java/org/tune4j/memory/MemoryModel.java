package org.tune4j.memory;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.tune4j.memory.MemoryPlan.Part;
import org.tune4j.models.Decoder;
import org.tune4j.models.DecoderBlock;
import org.tune4j.models.DecoderConfig;
import org.tune4j.models.ModelSpec;
import org.tune4j.models.layers.AttentionShape;
import org.tune4j.nn.Parameter;
import org.tune4j.optim.Chunks;
import org.tune4j.optim.Optimizer;
import org.tune4j.spi.AttentionSpec;
import org.tune4j.spi.KernelMemory;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Device;
import org.tune4j.tensor.Precision;
import org.tune4j.training.ComputeDType;

/**
 * The peak of a training run's memory as a function of its settings. What backward needs is counted
 * tensor by tensor, as the model's blocks say and the backends' kernels keep it; docs/memory.md
 * derives the counts and holds the sum against measurements. Immutable.
 */
public final class MemoryModel {
  private final ModelSpec spec;
  private final Precision precision;
  private final DType dtype;
  private final Settings settings;
  private final Decoder decoder;
  private final Counts counts;
  private final Map<String, DType> quantised;
  private final long frozen;
  private final Map<LayerKind, Integer> layers = new LinkedHashMap<>();

  /**
   * What a run's memory depends on besides its model.
   *
   * @param kernels of the backend
   * @param device a CUDA device has its own memory
   * @param stored the type of the checkpoint's weights
   * @param checkpointLayers whether layers keep their inputs alone
   * @param inBackward whether the optimiser runs during backward
   * @param optimizer whose state counts
   * @param threads groups of rows that run at once
   * @param chunkTokens labels whose logits exist at once
   * @param reference bytes of another model's weights, that the trained one is compared with
   * @param sampled answers that are sampled before a step; null where rows have theirs
   */
  public record Settings(
      KernelMemory kernels,
      Device device,
      DType stored,
      boolean checkpointLayers,
      boolean inBackward,
      Optimizer.Spec optimizer,
      int threads,
      int chunkTokens,
      long reference,
      @Nullable SampledAnswers sampled) {}

  /**
   * What layers that keep the same for backward have in common.
   *
   * @param perToken bytes besides the softmax's weights
   * @param attention whose weights are kept too
   */
  private record LayerKind(long perToken, AttentionShape attention) {}

  /**
   * A run's.
   *
   * @param spec a model whose sizes are known, with adapters or without
   * @param precision of frozen weights, and of adapters, optimiser state and activations
   * @param settings of the run
   */
  public MemoryModel(ModelSpec spec, Precision precision, Settings settings) {
    this.spec = spec;
    this.precision = precision;
    this.dtype = precision.compute();
    this.settings = settings;
    decoder = spec.build(spec.adapter() == null ? Precision.of(dtype) : precision);
    counts = Counts.of(decoder, settings.optimizer);
    quantised = spec.quantisation().of(decoder);
    frozen = frozen();
    for (DecoderBlock layer : decoder.layers()) {
      layers.merge(
          new LayerKind(layer.keptPerToken(dtype), layer.attentionShape()), 1, Integer::sum);
    }
  }

  /** Bytes of frozen weights as they are kept. */
  private long frozen() {
    long bytes = 0;
    for (Map.Entry<String, Parameter> e : decoder.parameters().entrySet()) {
      Parameter p = e.getValue();
      if (!p.trainable()) {
        bytes += quantised.getOrDefault(e.getKey(), precision.stored()).bytes(p.shape());
      }
    }
    return bytes;
  }

  private String quantised() {
    return spec.quantisation().linears().map(dtype -> ", linear layers in " + dtype).orElse("");
  }

  /** Sums of gradients and losses are fp32, or fp64 where everything is. */
  private long wide() {
    return Math.max(4, dtype.bytes());
  }

  /**
   * {@return the plan of a step}
   *
   * @param load the micro-batch
   * @param base what the process holds before weights are loaded, in bytes; not counted on a CUDA
   *     device
   */
  public MemoryPlan plan(Load load, long base) {
    Counts n = counts;
    boolean cuda = cuda();
    DType stored = settings.stored;
    long s = dtype.bytes();
    long t = trained().bytes();
    int groups =
        settings.inBackward || cuda || !quantised.isEmpty()
            ? 1
            : Math.max(1, Math.min(settings.threads, load.rows().size()));
    List<Part> parts = beside(base);
    DType held = spec.adapter() == null ? dtype : precision.stored();
    boolean converts = stored != held;
    String read =
        converts ? "read as %s, converted to %s".formatted(stored, held) : "read, " + held;
    if (spec.adapter() == null) {
      parts.add(new Part("weights", n.all * s, read));
    } else {
      parts.add(
          new Part(
              "weights", frozen, (converts || cuda ? read : "mapped, " + precision) + quantised()));
      parts.add(new Part("adapters", n.trained * t, trained().toString()));
    }
    long gradients = gradients(n, groups);
    long copies = cuda ? 0 : n.saved;
    // Of one width, copies take the blocks that gradients have left.
    parts.add(
        new Part(
            "gradients",
            wide(trained()) ? Math.max(gradients, copies) : holed(gradients),
            groups + " threads' and their sum"));
    if (!wide(trained()) && copies > 0) {
      parts.add(new Part("checkpoint being written", holed(copies), "copies of what is saved"));
    }
    parts.add(new Part("optimiser", n.state, n.statePerParameter()));
    parts.add(
        new Part(
            "activations",
            Math.max(
                settings.sampled == null ? 0 : settings.sampled.cacheBytes(decoder, dtype, load),
                Math.round(activations(load) * rowHoles())),
            "%d rows, %d tokens%s"
                .formatted(
                    load.rows().size(),
                    load.tokens(),
                    settings.checkpointLayers ? ", layers' inputs and one layer" : "")));
    parts.add(
        new Part(
            "head",
            groups
                * (cuda ? head(load, groups) : head(load, groups) * headHoles() + Measured.THREAD),
            "%d threads, %d labels at once".formatted(groups, settings.chunkTokens)));
    return new MemoryPlan(parts);
  }

  /** What lies beside the model and its pass. */
  private List<Part> beside(long base) {
    List<Part> parts = new ArrayList<>();
    if (!cuda()) {
      parts.add(new Part("JVM, libraries, tokenizer", base, "resident now"));
      parts.add(new Part("kernels, Java heap", Measured.FIRST_STEP, "fitted"));
    }
    if (settings.reference > 0) {
      parts.add(new Part("reference", settings.reference, "weights of the model compared with"));
    }
    if (settings.sampled != null && settings.sampled.packed() && !cuda() && quantised.isEmpty()) {
      parts.add(
          new Part("packed weights", settings.sampled.packedBytes(decoder, dtype), "for sampling"));
    }
    return parts;
  }

  /** Whether sums are as wide as what is summed. */
  private boolean oneWidth() {
    return wide(dtype);
  }

  private static boolean wide(DType type) {
    return type.bytes() >= 4;
  }

  /** The type of what is trained. */
  private DType trained() {
    return spec.adapter() == null ? dtype : precision.adapters();
  }

  /** Of what comes and goes in every step; a freed block fits where all are of one width. */
  private long holed(long bytes) {
    return cuda() || oneWidth() ? bytes : Math.round(bytes * Measured.HOLES);
  }

  /** Activations also differ in the rows' lengths. */
  private double rowHoles() {
    return cuda() ? 1 : oneWidth() ? Measured.HOLES_ONE_WIDTH : Measured.HOLES;
  }

  private long headHoles() {
    return oneWidth() ? Measured.HEAD_HOLES_ONE_WIDTH : Measured.HEAD_HOLES;
  }

  /**
   * A leaf's gradient a thread, their sum, and the mean, which takes a leaf's place where it is as
   * wide as the sum; with the optimiser in backward the largest parameter's alone, and a layer's.
   * An update takes a piece at a time: its gradient, both moments, a root, the weights and a
   * product, widened.
   */
  private long gradients(Counts n, int groups) {
    long s = dtype.bytes();
    long update = 6 * wide() * Math.min(n.largest, Chunks.SIZE);
    if (settings.inBackward) {
      return n.largest * (2 * s + wide()) + n.layer * s + update;
    }
    long t = trained().bytes();
    return n.trained * (groups * t + wide() + (wide(trained()) ? 0 : t)) + update;
  }

  /** {@return whether tensors lie on a CUDA device} */
  public boolean cuda() {
    return settings.device.type() == Device.Type.CUDA;
  }

  /**
   * {@return bytes that are kept for backward, of all rows: the groups of rows are at work at the
   * same time}
   *
   * @param load the micro-batch
   */
  public long activations(Load load) {
    long all = 0;
    long largest = 0;
    for (Map.Entry<LayerKind, Integer> kind : layers.entrySet()) {
      LayerKind layer = kind.getKey();
      long bytes = load.tokens() * layer.perToken + attention(load, layer.attention);
      all += kind.getValue() * bytes;
      largest = Math.max(largest, bytes);
    }
    DecoderConfig config = decoder.config();
    long inputs =
        config.hiddenSize() * (config.numLayers() + 2L)
            + decoder.layers().stream().mapToLong(DecoderBlock::sideWidth).sum();
    return settings.checkpointLayers ? load.tokens() * inputs * dtype.bytes() + largest : all;
  }

  /**
   * {@return bytes that are whole at a time where weights are sharded: two layers, or the embedding
   * or head with one; a trained part's gradients too, in fp32 and added}
   */
  public long gathered() {
    List<Long> parts = new ArrayList<>();
    for (Map<String, Parameter> part : decoder.parts()) {
      long bytes = 0;
      for (Parameter p : part.values()) {
        bytes += p.shape().elements() * (p.dtype().bytes() + (p.trainable() ? 2 * wide() : 0));
      }
      parts.add(bytes);
    }
    return parts.get(1) + parts.stream().mapToLong(Long::longValue).max().orElse(0);
  }

  private long attention(Load load, AttentionShape shape) {
    return settings.kernels.attentionBytes(
        dtype,
        settings.device,
        load.rows().stream().flatMap(List::stream).mapToLong(Integer::longValue).toArray(),
        shape.numHeads(),
        shape.numKvHeads(),
        shape.headDim(),
        AttentionSpec.of(1, shape.window()));
  }

  /** Of one chunk of labels. */
  private long head(Load load, int groups) {
    long labels = Math.min(settings.chunkTokens, Math.max(1, load.tokens() / groups));
    return settings.kernels.crossEntropyBytes(
        dtype, settings.device, labels, decoder.config().outputs());
  }

  /**
   * A model and a micro-batch that take less.
   *
   * @param model the settings
   * @param load the micro-batch
   */
  public record Lighter(MemoryModel model, Load load) {
    /**
     * {@return the plan of a step, see {@link MemoryModel#plan}}
     *
     * @param base what the process holds before weights are loaded, in bytes
     */
    public MemoryPlan plan(long base) {
      return model.plan(load, base);
    }
  }

  /**
   * {@return settings that may take less memory, each alone, by what the user would write}
   *
   * @param load the micro-batch that takes too much
   */
  public Map<String, Lighter> lighter(Load load) {
    Map<String, Lighter> ways = new LinkedHashMap<>();
    if (load.rows().size() > 1) {
      Load half = load.half();
      ways.put("batch_size=" + half.rows().size(), new Lighter(this, half));
    }
    boolean checkpoint = settings.checkpointLayers;
    if (!checkpoint) {
      ways.put(
          "enable_activation_checkpointing=true", new Lighter(with(precision, true, false), load));
    }
    if (precision.stored().bytes() > 2) {
      Precision bf16 = ComputeDType.ofThisMachine().expected(DType.BF16, settings.device);
      ways.put("dtype=bf16", new Lighter(with(bf16, checkpoint, settings.inBackward), load));
    }
    if (load.longest() > 1) {
      ways.put("tokenizer.max_seq_len=" + load.longest() / 2, new Lighter(this, load.cut()));
    }
    if (spec.adapter() == null && !settings.inBackward) {
      ways.put("optimizer_in_bwd=true", new Lighter(with(precision, true, true), load));
    }
    return ways;
  }

  private MemoryModel with(Precision types, boolean checkpoint, boolean during) {
    return new MemoryModel(
        spec,
        types,
        new Settings(
            settings.kernels,
            settings.device,
            settings.stored,
            checkpoint,
            during,
            settings.optimizer,
            settings.threads,
            settings.chunkTokens,
            settings.reference,
            settings.sampled));
  }

  /** Numbers of elements; bytes of the optimiser's state, and of what a checkpoint copies. */
  private record Counts(long all, long trained, long largest, long layer, long state, long saved) {
    String statePerParameter() {
      return "%.1f bytes a parameter".formatted(state / (double) Math.max(1, trained));
    }

    static Counts of(Decoder decoder, Optimizer.Spec optimizer) {
      long state = 0;
      long saved = 0;
      long all = 0;
      long trained = 0;
      long largest = 0;
      for (Parameter p : decoder.parameters().values()) {
        all += p.shape().elements();
        if (p.trainable()) {
          trained += p.shape().elements();
          largest = Math.max(largest, p.shape().elements());
          state += optimizer.bytes(p);
          saved += optimizer.savedBytes(p);
        }
      }
      long layer =
          decoder.layers().get(0).parameters().values().stream()
              .filter(Parameter::trainable)
              .mapToLong(p -> p.shape().elements())
              .sum();
      return new Counts(all, trained, largest, layer, state, saved);
    }
  }
}
