package org.tune4j.models;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
import org.tune4j.nn.Loss;
import org.tune4j.nn.Module;
import org.tune4j.nn.Objective;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/**
 * A decoder of the Llama type, plain or with LoRA, with Hugging Face's parameter names and layout.
 * It is built without storage; {@link org.tune4j.peft.StateDict#load} and {@link
 * org.tune4j.peft.Adapters#initialise} give it some. It holds no state of a pass: threads share it,
 * each with a {@link Pass} of its own.
 */
public final class Decoder extends Module {
  /** The label of a position that is not trained on. */
  public static final int IGNORED = -100;

  private static final Pattern LAYER = Pattern.compile("model\\.layers\\.(\\d+)\\.");

  private final DecoderConfig config;
  private final @Nullable LoraConfig lora;
  private final DType dtype;
  private final RotaryEmbedding rotary;
  private final DecoderBody body;
  private final Linear head;
  private final List<Map<String, Parameter>> parts = new ArrayList<>();
  private volatile boolean checkpointLayers;
  private volatile Residency residency = Residency.ALWAYS;

  /**
   * A decoder without storage.
   *
   * @param config its sizes
   * @param lora null for a plain decoder, all of it trainable; otherwise the base is frozen
   * @param dtype of every parameter
   */
  public Decoder(DecoderConfig config, @Nullable LoraConfig lora, DType dtype) {
    this.config = config;
    this.lora = lora;
    this.dtype = dtype;
    rotary = new RotaryEmbedding(config);
    Linears linears = new Linears(lora, dtype, "");
    body = add("model", new DecoderBody(config, linears.in("model")));
    head =
        add(
            LoraConfig.OUTPUT,
            linears.linear(
                LoraConfig.OUTPUT,
                config.tieWordEmbeddings()
                    ? body.embedding.weight()
                    : linears.weight(config.hiddenSize(), config.vocabSize())));
    divide();
  }

  private void divide() {
    for (int i = 0; i < body.layers.size() + 2; i++) {
      parts.add(new LinkedHashMap<>());
    }
    parameters().forEach((name, p) -> parts.get(partOf(name)).put(name, p));
    sharedNames().values().forEach(n -> parts.get(last()).put(n, body.embedding.weight()));
  }

  private int partOf(String name) {
    Matcher layer = LAYER.matcher(name);
    if (layer.lookingAt()) {
      return 1 + Integer.parseInt(layer.group(1));
    }
    return name.startsWith("model.embed_tokens.") ? 0 : last();
  }

  /** The number of the last part: the norm with the head. */
  int last() {
    return body.layers.size() + 1;
  }

  /** {@return its sizes} */
  public DecoderConfig config() {
    return config;
  }

  /** {@return what it is adapted with; empty for a plain decoder} */
  public Optional<LoraConfig> lora() {
    return Optional.ofNullable(lora);
  }

  /** {@return the type of its weights and activations} */
  public DType dtype() {
    return dtype;
  }

  /** {@return the layers, first to last; unmodifiable} */
  public List<DecoderLayer> layers() {
    return body.layers;
  }

  /**
   * {@return whether training keeps only the inputs of layers and computes them again in backward}
   */
  public boolean checkpointLayers() {
    return checkpointLayers;
  }

  /**
   * Whether {@link #lossAndBackward} keeps only the layers' inputs and computes each layer again
   * for its backward (Chen et al. 2016): less memory, a third more work, the same bits.
   *
   * @param on false at first
   * @return this
   */
  public Decoder setCheckpointLayers(boolean on) {
    checkpointLayers = on;
    return this;
  }

  /**
   * {@return the parameters by full name, in the order in which forward needs them: the embedding,
   * each layer, the last norm with the head; a tied head's weight is in the first and in the last}
   */
  public List<Map<String, Parameter>> parts() {
    return parts;
  }

  /**
   * Who has the parts there while they are used. Gradients need {@link #setCheckpointLayers}, for a
   * layer is away between its forward and its backward otherwise.
   *
   * @param residency is entered and left by the threads that use this
   */
  public void setResidency(Residency residency) {
    this.residency = residency;
  }

  /**
   * Multiplies with packed weights from now on; nothing can be recorded for gradients then.
   *
   * @param packed of these weights, and outlives this
   */
  public void setPacked(PackedWeights packed) {
    packed.give(this);
  }

  Linear head() {
    return head;
  }

  Embedding embedding() {
    return body.embedding;
  }

  /** The lowest layer that backward reaches. */
  int lowestTrained() {
    if (body.embedding.weight().trainable()) {
      return 0;
    }
    int i = 0;
    while (i < body.layers.size() && !body.layers.get(i).trains()) {
      i++;
    }
    return i;
  }

  /** The last part's own parameters: a tied head's weight is whole only after the embedding's. */
  List<Parameter> above() {
    List<Parameter> above = new ArrayList<>(body.norm.parameters().values());
    above.addAll(head.parameters().values());
    above.remove(body.embedding.weight());
    return above;
  }

  private Reach reach(PackedRows rows) {
    return Reach.within(rows, config.slidingWindow());
  }

  void enter(int part) {
    residency.enter(part);
  }

  void leave(Pass pass, int part) {
    if (residency != Residency.ALWAYS) {
      pass.forget(parts.get(part).values());
      residency.leave(part);
    }
  }

  /**
   * {@return the logits of every position, {@code [tokens, vocab]}, in the model's type; they
   * belong to the innermost scope}
   *
   * @param pass of this thread
   * @param rows each no longer than the model takes
   * @throws UsageException when one is longer, or an id is outside the vocabulary
   */
  public Tensor logits(Pass pass, PackedRows rows) {
    rows.check(config);
    try (TensorScope scope = pass.engine().openScope()) {
      return scope.moveOut(lastPart(pass, hidden(pass, rows)));
    }
  }

  /**
   * The logits at some positions of rows that continue what their caches hold; the rows' keys and
   * values are written there. Nothing is recorded for gradients.
   *
   * @param pass of this thread
   * @param next the rows and their caches
   * @param at which tokens of the pass, ascending
   * @return {@code [at, vocab]}, in the model's type; belongs to the innermost scope
   * @throws UsageException when a cache has no room, or an id is outside the vocabulary
   */
  public Tensor logits(Pass pass, Continuation next, int... at) {
    next.check(config);
    Engine engine = pass.engine();
    try (Engine.NoGradient off = engine.noGradient();
        TensorScope scope = engine.openScope()) {
      RotaryEmbedding.Tables rope = rotary.tables(engine, next.positions(), dtype);
      Tensor h = hidden(pass, next.rows(), rope, next.reach(engine, config.slidingWindow()));
      next.advance();
      return scope.moveOut(lastPart(pass, h.indexSelect(engine.indices(at))));
    }
  }

  /** The last part, which the caller has entered. */
  Tensor project(Pass pass, Tensor hidden) {
    return head.forward(pass, body.norm.forward(pass, hidden));
  }

  private Tensor lastPart(Pass pass, Tensor hidden) {
    residency.enter(last());
    Tensor logits = project(pass, hidden);
    leave(pass, last());
    return logits;
  }

  /** The residual stream after the last layer, {@code [tokens, dim]}. */
  Tensor hidden(Pass pass, PackedRows rows) {
    Reach reach = reach(rows);
    return hidden(pass, rows, rotary.tables(pass.engine(), rows, dtype), layer -> reach);
  }

  /** One layer's forward over the rows of a pass. */
  @FunctionalInterface
  interface LayerForward {
    /** {@code [tokens, dim]} to the same. */
    Tensor of(int layer, Tensor x);
  }

  /** The layers over some rows; what the rows share belongs to the innermost scope. */
  LayerForward over(Pass pass, PackedRows rows) {
    RotaryEmbedding.Tables rope = rotary.tables(pass.engine(), rows, dtype);
    Reach reach = reach(rows);
    return (layer, x) -> body.layers.get(layer).forward(pass, x, rope, reach);
  }

  private Tensor hidden(
      Pass pass, PackedRows rows, RotaryEmbedding.Tables rope, IntFunction<Reach> reach) {
    Tensor h = embedded(pass, rows);
    for (int i = 0; i < body.layers.size(); i++) {
      residency.enter(1 + i);
      Tensor next = body.layers.get(i).forward(pass, h, rope, reach.apply(i));
      leave(pass, 1 + i);
      h.close();
      h = next;
    }
    return h;
  }

  Tensor embedded(Pass pass, PackedRows rows) {
    residency.enter(0);
    Tensor h = body.embedding.forward(pass, rows.tokens());
    leave(pass, 0);
    return h;
  }

  /**
   * The same of the cross-entropy.
   *
   * @param pass of this thread
   * @param rows of tokens
   * @param labels as there
   * @param chunk positions at a time, 1 or more
   * @return the sum, in nats
   * @throws UsageException as there
   */
  public double lossAndBackward(Pass pass, PackedRows rows, int[] labels, int chunk) {
    return lossAndBackward(pass, rows, labels, Loss.crossEntropy(chunk)).loss();
  }

  /**
   * Adds to the pass's gradients those of an objective's sum, and returns the sums. Where gradients
   * are off, or nothing is trainable, it is the sums alone.
   *
   * <p>Hidden states of ignored positions do not reach the head, and logits exist {@link
   * Objective#chunkTokens} positions at a time. Chunks are summed in fp64.
   *
   * @param pass of this thread; takes the gradients
   * @param rows each no longer than the model takes
   * @param labels what follows each position, {@link #IGNORED} where it is not trained on; {@code
   *     [tokens]}
   * @param objective of the rows
   * @return the sums over the rows; zero, and no gradient, where no position has a label
   * @throws UsageException when a row is longer, or an id or a label is outside the vocabulary
   * @throws IllegalArgumentException when there are not as many labels as tokens
   * @throws IllegalStateException when a {@link Residency} is set without checkpointed layers, or
   *     gradients are asked of packed weights
   */
  public Objective.Sums lossAndBackward(
      Pass pass, PackedRows rows, int[] labels, Objective objective) {
    rows.check(config);
    LabelledRows labelled = LabelledRows.of(rows, labels, config.vocabSize());
    if (objective.chunkTokens() <= 0) {
      throw new IllegalArgumentException(
          "chunkTokens of the loss is %d, expected 1 or more".formatted(objective.chunkTokens()));
    }
    if (labelled.isEmpty()) {
      idle(pass, objective);
      return Objective.Sums.ZERO;
    }
    Engine engine = pass.engine();
    try (TensorScope scope = engine.openScope()) {
      if (head.isPacked() && engine.recording()) {
        throw new IllegalStateException("packed weights record nothing for gradients");
      }
      if (residency != Residency.ALWAYS && !checkpointLayers && engine.recording()) {
        throw new IllegalStateException("a residency needs checkpointed layers");
      }
      double[] reference =
          objective.needsReference() ? reference(engine, labelled, objective) : null;
      Traversal.AtHead evaluated =
          (selected, wantsGradient) -> {
            HeadRows all =
                new HeadRows(this, pass, selected, labelled, objective, reference, wantsGradient);
            Objective.Sums sums = objective.evaluate(all);
            return new Traversal.Evaluated(sums, all.gradient());
          };
      return traversal(pass).run(labelled, evaluated);
    }
  }

  private Traversal traversal(Pass pass) {
    if (!pass.engine().recording()) {
      return new AllAtOnce(this, pass);
    }
    if (checkpointLayers) {
      return new Checkpointed(this, pass);
    }
    return pass.streamsGradients() ? new LayerByLayer(this, pass) : new AllAtOnce(this, pass);
  }

  /** The sums of each row's log-probabilities by the base model alone. */
  private double[] reference(Engine engine, LabelledRows rows, Objective objective) {
    try (TensorScope scope = engine.openScope();
        Engine.NoGradient off = engine.noGradient()) {
      Pass base = Pass.baseOnly(engine, scope);
      Tensor selected = new AllAtOnce(this, base).selected(rows);
      enter(last());
      double[] sums =
          new HeadRows(this, base, selected, rows, objective, null, false).logProbabilities();
      leave(base, last());
      return sums;
    }
  }

  /**
   * Enters, leaves and streams all that {@link #lossAndBackward} would, without a token: for ranks
   * that have none while others need their share of the parts.
   *
   * @param pass of this thread
   * @param objective that the other ranks evaluate
   */
  public void idle(Pass pass, Objective objective) {
    Idle idle = new Idle(this, pass);
    if (objective.needsReference()) {
      idle.forward();
    }
    if (pass.engine().recording()) {
      idle.forwardBackward();
    } else {
      idle.forward();
    }
  }
}
