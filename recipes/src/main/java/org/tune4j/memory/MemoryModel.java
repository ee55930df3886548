package org.tune4j.memory;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.tune4j.memory.MemoryPlan.Part;
import org.tune4j.models.Decoder;
import org.tune4j.models.DecoderConfig;
import org.tune4j.models.LoraConfig;
import org.tune4j.nn.Parameter;
import org.tune4j.optim.Pieces;
import org.tune4j.tensor.DType;

/**
 * The peak of a training run's memory as a function of its settings. What backward needs is counted
 * tensor by tensor, as the backends' kernels keep it; docs/memory.md derives the counts and holds
 * the sum against measurements.
 *
 * @param backend {@code javacpp} or {@code djl}: their attention keeps different tensors
 * @param cuda whether tensors lie on a CUDA device, which has its own memory
 * @param config the model's sizes
 * @param lora null where all parameters are trained
 * @param dtype of weights, adapters, optimiser state and activations
 * @param stored the type of the checkpoint's weights
 * @param checkpointLayers whether layers keep their inputs alone
 * @param inBackward whether the optimiser runs during backward
 * @param moments tensors of optimiser state a parameter
 * @param threads groups of rows that run at once
 * @param chunkTokens labels whose logits are computed at once
 */
public record MemoryModel(
    String backend,
    boolean cuda,
    DecoderConfig config,
    @Nullable LoraConfig lora,
    DType dtype,
    DType stored,
    boolean checkpointLayers,
    boolean inBackward,
    int moments,
    int threads,
    int chunkTokens) {
  /** Rows from which DJL takes libtorch's tiled attention. */
  private static final int DJL_TILES = 640;

  /** A layer's linears. */
  private static final List<String> LAYER =
      List.of("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj");

  /** Queries of a block of JavaCPP's attention. */
  private static final int JAVACPP_BLOCK = 256;

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
    Counts n = Counts.of(this);
    long s = dtype.bytes();
    int groups = inBackward || cuda ? 1 : Math.max(1, Math.min(threads, load.rows().size()));
    List<Part> parts = new ArrayList<>();
    if (!cuda) {
      parts.add(new Part("JVM, libraries, tokenizer", base, "resident now"));
      parts.add(new Part("kernels, Java heap", Measured.FIRST_STEP, "fitted"));
    }
    boolean converts = stored != dtype;
    String read =
        converts ? "read as %s, converted to %s".formatted(stored, dtype) : "read, " + dtype;
    if (lora == null) {
      parts.add(new Part("weights", n.all * s, read));
    } else {
      parts.add(new Part("weights", n.frozen * s, converts || cuda ? read : "mapped, " + dtype));
      parts.add(new Part("adapters", n.trained * s, dtype.toString()));
    }
    long gradients = gradients(n, groups);
    long copies = cuda ? 0 : n.trained * s * (1 + moments);
    // Of one width, copies take the blocks that gradients have left.
    parts.add(
        new Part(
            "gradients",
            oneWidth() ? Math.max(gradients, copies) : holed(gradients),
            groups + " threads' and their sum"));
    if (!oneWidth() && copies > 0) {
      parts.add(new Part("checkpoint being written", holed(copies), "copies of what is saved"));
    }
    parts.add(new Part("optimiser", n.trained * s * moments, "%d a parameter".formatted(moments)));
    parts.add(
        new Part(
            "activations",
            Math.round(activations(load) * rowHoles()),
            "%d rows, %d tokens%s"
                .formatted(
                    load.rows().size(),
                    load.tokens(),
                    checkpointLayers ? ", layers' inputs and one layer" : "")));
    parts.add(
        new Part(
            "head",
            groups
                * (cuda ? head(load, groups) : head(load, groups) * headHoles() + Measured.THREAD),
            "%d threads, %d labels at once".formatted(groups, chunkTokens)));
    return new MemoryPlan(parts);
  }

  /** Whether sums are as wide as what is summed. */
  private boolean oneWidth() {
    return dtype.bytes() >= 4;
  }

  /** Of what comes and goes in every step; a freed block fits where all are of one width. */
  private long holed(long bytes) {
    return cuda || oneWidth() ? bytes : Math.round(bytes * Measured.HOLES);
  }

  /** Activations also differ in the rows' lengths. */
  private double rowHoles() {
    return cuda ? 1 : oneWidth() ? Measured.HOLES_ONE_WIDTH : Measured.HOLES;
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
    long update = 6 * wide() * Math.min(n.largest, Pieces.SIZE);
    if (inBackward) {
      return n.largest * (2 * s + wide()) + n.layer * s + update;
    }
    return n.trained * (groups * s + wide() + (oneWidth() ? 0 : s)) + update;
  }

  /**
   * {@return bytes that are kept for backward, of all rows: the groups of rows are at work at the
   * same time}
   *
   * @param load the micro-batch
   */
  public long activations(Load load) {
    long layer = layer(load);
    if (!checkpointLayers) {
      return config.numLayers() * layer;
    }
    return load.tokens() * config.hiddenSize() * dtype.bytes() * (config.numLayers() + 2L) + layer;
  }

  /**
   * {@return bytes that are whole at a time where weights are sharded: two layers, or the embedding
   * or head with one; a trained part's gradients too, in fp32 and added}
   */
  public long gathered() {
    List<Long> parts = new ArrayList<>();
    for (Map<String, Parameter> part : new Decoder(config, lora, dtype).parts()) {
      long bytes = 0;
      for (Parameter p : part.values()) {
        bytes += p.shape().elements() * (dtype.bytes() + (p.trainable() ? 2 * wide() : 0));
      }
      parts.add(bytes);
    }
    return parts.get(1) + parts.stream().mapToLong(Long::longValue).max().orElse(0);
  }

  /** What one layer keeps, as if it had the adapters that any has. */
  private long layer(Load load) {
    long s = dtype.bytes();
    long d = config.hiddenSize();
    long f = config.intermediateSize();
    long q = (long) config.numHeads() * config.headDim();
    long kv = (long) config.numKvHeads() * config.headDim();
    boolean all = lora == null;
    boolean qkv = all || rank("q_proj") + rank("k_proj") + rank("v_proj") > 0;
    boolean gateUp = all || rank("gate_proj") + rank("up_proj") > 0;
    long token = 2 * d * wide(); // both norms' inputs, widened
    token += all ? 2 * d * s : 0; // normed, for the norms' own weights
    token += (qkv ? d : 0) * s + (gateUp ? d : 0) * s; // inputs of trained linears
    token += (all || rank("o_proj") > 0 ? q : 0) * s;
    token += (q + 2 * kv) * s; // queries, keys, values
    token += 3 * f * s; // gate, its silu, up
    token += (all || rank("down_proj") > 0 ? f : 0) * s; // down's input
    for (String name : LAYER) {
      token += rank(name) * s;
      if (lora != null && lora.dropout() > 0 && rank(name) > 0) {
        token += d * 2 * s; // mask and masked input
      }
    }
    return load.tokens() * token + attention(load, q, kv);
  }

  /** The largest rank of the linears of this name; 0 where none is adapted. */
  private long rank(String name) {
    return lora == null
        ? 0
        : lora.targetModules().stream()
            .filter(t -> t.equals(name) || t.endsWith("." + name))
            .flatMap(t -> lora.at(t).stream())
            .mapToLong(LoraConfig::rank)
            .max()
            .orElse(0);
  }

  /** Softmax's weights, of the whole square or of its lower blocks; tiled attention keeps none. */
  private long attention(Load load, long q, long kv) {
    long s = dtype.bytes();
    boolean tiles =
        cuda
            || (backend.equals("djl")
                && load.longest() >= DJL_TILES
                && config.slidingWindow() == 0);
    if (tiles) {
      // Keys and values repeated for each query head, the output, and a logarithm a query.
      return load.tokens() * ((2 * (q - kv) + q) * s + 4L * config.numHeads());
    }
    long pairs = 0;
    for (List<Integer> row : load.rows()) {
      for (long t : row) {
        long blocks = backend.equals("javacpp") ? (t + JAVACPP_BLOCK - 1) / JAVACPP_BLOCK : 1;
        pairs += t * t * (blocks + 1) / (2 * blocks);
      }
    }
    return pairs * config.numHeads() * s;
  }

  /**
   * One chunk of logits in the model's type, then three times in fp32: the logarithms of softmax,
   * their gradient and that of the logits (and the logits themselves, where they are fp32).
   */
  private long head(Load load, int groups) {
    long rows = Math.min(chunkTokens, Math.max(1, load.tokens() / groups));
    return rows * config.vocabSize() * (dtype.bytes() + 3 * wide());
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
    if (!checkpointLayers) {
      ways.put("enable_activation_checkpointing=true", new Lighter(with(dtype, true, false), load));
    }
    if (dtype.bytes() > 2) {
      ways.put("dtype=bf16", new Lighter(with(DType.BF16, checkpointLayers, inBackward), load));
    }
    if (load.longest() > 1) {
      ways.put("tokenizer.max_seq_len=" + load.longest() / 2, new Lighter(this, load.cut()));
    }
    if (lora == null && !inBackward) {
      ways.put(
          "optimizer_in_bwd=true enable_activation_checkpointing=true",
          new Lighter(with(dtype, true, true), load));
    }
    return ways;
  }

  private MemoryModel with(DType type, boolean checkpoint, boolean during) {
    return new MemoryModel(
        backend,
        cuda,
        config,
        lora,
        type,
        stored,
        checkpoint,
        during,
        moments,
        threads,
        chunkTokens);
  }

  /** Numbers of elements. */
  private record Counts(long all, long frozen, long trained, long largest, long layer) {
    static Counts of(MemoryModel m) {
      Decoder decoder = new Decoder(m.config, m.lora, m.dtype);
      long all = 0;
      long trained = 0;
      long largest = 0;
      for (Parameter p : decoder.parameters().values()) {
        all += p.shape().elements();
        if (p.trainable()) {
          trained += p.shape().elements();
          largest = Math.max(largest, p.shape().elements());
        }
      }
      long layer =
          decoder.layers().get(0).parameters().values().stream()
              .filter(Parameter::trainable)
              .mapToLong(p -> p.shape().elements())
              .sum();
      return new Counts(all, all - trained, trained, largest, layer);
    }
  }
}
