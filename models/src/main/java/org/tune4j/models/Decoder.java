package org.tune4j.models;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
import org.tune4j.adapters.AdapterConfig;
import org.tune4j.adapters.Adapters;
import org.tune4j.models.layers.AttentionContext;
import org.tune4j.models.layers.Embedding;
import org.tune4j.models.layers.Linear;
import org.tune4j.models.layers.Norm;
import org.tune4j.models.layers.Router;
import org.tune4j.nn.LoadBalance;
import org.tune4j.nn.Module;
import org.tune4j.nn.Objective;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Precision;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/**
 * A decoder: embedding, blocks, norm and head, with the names and the layout of its checkpoint. It
 * is built without storage; {@link org.tune4j.nn.StateDict#load} and {@link Adapters#initialise}
 * give it some. It holds no state of a pass: threads share it, each with a {@link Pass} of its own.
 */
public final class Decoder extends Module {
  /** The label of a position that is not trained on. */
  public static final int IGNORED = -100;

  private final ModelConfig model;
  private final DecoderConfig config;
  private Precision precision;
  private final DecoderBody body;
  private final Linear head;
  private final DecoderParts parts;
  private @Nullable AdapterConfig adapter;
  private volatile boolean checkpointLayers;
  private @Nullable Decoder reference;
  private double loadBalance;

  /**
   * A decoder without storage, trainable.
   *
   * @param model the architecture that builds it
   * @param dtype of every parameter
   * @param embedding of token ids
   * @param blocks first to last
   * @param norm before the head
   * @param names of these modules in the checkpoint
   */
  public Decoder(
      ModelConfig model,
      DType dtype,
      Embedding embedding,
      List<? extends DecoderBlock> blocks,
      Norm norm,
      Names names) {
    this(model, dtype, embedding, null, blocks, norm, names);
  }

  /** The same with a side input. */
  Decoder(
      ModelConfig model,
      DType dtype,
      Embedding embedding,
      @Nullable SideInput side,
      List<? extends DecoderBlock> blocks,
      Norm norm,
      Names names) {
    this.model = model;
    this.config = model.sizes();
    precision = Precision.of(dtype);
    body = add(names.body, new DecoderBody(embedding, side, blocks, norm, names));
    head =
        add(
            names.head,
            config.tieWordEmbeddings()
                ? new Linear(embedding.weight())
                : new Linear(config.hiddenSize(), config.outputs(), dtype));
    parts = new DecoderParts(body.first(), body.layers(), body.norm(), head);
  }

  /**
   * What a checkpoint calls a decoder's modules.
   *
   * @param body what holds all but the head
   * @param embedding in the body
   * @param layers in the body
   * @param norm in the body
   * @param head beside the body
   */
  public record Names(String body, String embedding, String layers, String norm, String head) {
    /** Llama's, which most families share. */
    public static final Names LLAMA =
        new Names("model", "embed_tokens", "layers", "norm", "lm_head");

    /** Those of a text model inside an image model. */
    static final Names IN_IMAGE_MODEL =
        new Names("model.language_model", "embed_tokens", "layers", "norm", "lm_head");
  }

  /** {@return the architecture that built it} */
  public ModelConfig model() {
    return model;
  }

  /** {@return its sizes} */
  public DecoderConfig config() {
    return config;
  }

  /**
   * Freezes the model and adapts its linears, before it is used.
   *
   * @param config which linears, and by what
   * @throws UsageException when it adapts none of the model's linears
   */
  public void adapt(AdapterConfig config) {
    Adapters.adapt(this, config);
    adapter = config;
  }

  /** {@return how it is adapted; empty for a plain decoder} */
  public Optional<AdapterConfig> adapter() {
    return Optional.ofNullable(adapter);
  }

  /** {@return the types of its weights and of its activations} */
  public Precision precision() {
    return precision;
  }

  /**
   * Computes in other types than that of its weights; before it is adapted or has storage.
   *
   * @param types the weights' own, frozen unless all agree; of activations; of adapters
   */
  public void computeIn(Precision types) {
    precision = types;
    Adapters.linears(this).values().forEach(linear -> linear.setDtype(types.compute()));
    Adapters.adaptable(this).values().forEach(m -> m.setAdapterDtype(types.adapters()));
  }

  /** {@return whether a layer has a state instead of attention, which cannot go back} */
  public boolean recurrent() {
    return body.recurrent();
  }

  /** {@return the layers, first to last; unmodifiable} */
  public List<DecoderBlock> layers() {
    return body.layers();
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
   * Adds to {@link #lossAndBackward} how unevenly routers divide tokens among experts ({@link
   * LoadBalance}); before the model is used.
   *
   * @param factor of that loss, 0 at first
   * @throws UsageException when no layer has a router
   */
  public void setLoadBalance(double factor) {
    if (factor != 0 && modules().values().stream().noneMatch(Router.class::isInstance)) {
      throw new UsageException(
          "router_aux_loss_coef is %s, and the model has no experts; leave it out"
              .formatted(factor));
    }
    loadBalance = factor;
  }

  /**
   * {@return the parameters by full name, in the order in which forward needs them: the embedding,
   * each layer, the last norm with the head; a tied head's weight is in the first and in the last}
   */
  public List<Map<String, Parameter>> parts() {
    return parts.named(parameters());
  }

  /**
   * Who has the parts there while they are used. Gradients need {@link #setCheckpointLayers}, for a
   * layer is away between its forward and its backward otherwise.
   *
   * @param residency is entered and left by the threads that use this
   */
  public void setResidency(Residency residency) {
    parts.setResidency(residency);
  }

  /**
   * Multiplies with packed weights from now on; nothing can be recorded for gradients then.
   *
   * @param packed of these weights, and outlives this
   */
  public void setPacked(PackedWeights packed) {
    packed.give(this);
  }

  /**
   * Compares with another model from now on, where an objective needs a reference: else with itself
   * without adapters.
   *
   * @param other of the same vocabulary, with weights, of which nothing is trained; outlives this
   * @throws UsageException when its vocabulary has another size
   */
  public void setReference(Decoder other) {
    if (other.config.vocabSize() != config.vocabSize()) {
      throw new UsageException(
          "the model has a vocabulary of %d tokens, the model that it is compared with one of %d; expected the same"
              .formatted(config.vocabSize(), other.config.vocabSize()));
    }
    reference = other;
  }

  /** What an objective compares it with. */
  Decoder reference() {
    return reference == null ? this : reference;
  }

  /** What a {@link Residency} moves. */
  DecoderParts residents() {
    return parts;
  }

  Linear head() {
    return head;
  }

  /** The lowest layer that backward reaches. */
  int lowestTrained() {
    if (parts.trainsBelow()) {
      return 0;
    }
    return body.lowestTrained();
  }

  /** What the tokens of each layer attend to: those of their own rows. */
  private IntFunction<AttentionContext> context(Engine engine, PackedRows rows) {
    Rotations rotations =
        Rotations.of(engine, body.layers(), rows.positions(row -> 0), precision.compute());
    return layer ->
        new OwnRows(engine, rotations.of(body.layers().get(layer).attentionShape()), rows);
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
      Tensor h =
          hidden(pass, next.rows(), next.context(engine, body.layers(), precision.compute()));
      next.advance();
      return scope.moveOut(lastPart(pass, h.indexSelect(engine.indices(at))));
    }
  }

  /** The last part, which the caller has entered. */
  Tensor project(Pass pass, Tensor hidden) {
    Tensor logits = head.forward(pass, body.norm().forward(pass, hidden));
    Tensor scaled = config.logitScale() == 1 ? logits : logits.mul(config.logitScale());
    double cap = config.logitSoftCap();
    return cap == 0 ? scaled : scaled.div(cap).tanh().mul(cap);
  }

  private Tensor lastPart(Pass pass, Tensor hidden) {
    parts.enter(parts.last());
    Tensor logits = project(pass, hidden);
    parts.leave(pass, parts.last());
    return logits;
  }

  /** The residual stream after the last layer, {@code [tokens, dim]}. */
  Tensor hidden(Pass pass, PackedRows rows) {
    return hidden(pass, rows, context(pass.engine(), rows));
  }

  /** One layer's forward over the rows of a pass. */
  @FunctionalInterface
  interface LayerForward {
    /** {@code [tokens, dim]} to the same. */
    Tensor of(int layer, Tensor x);
  }

  /** The layers over some rows; what the rows share belongs to the innermost scope. */
  LayerForward over(Pass pass, PackedRows rows) {
    IntFunction<AttentionContext> context = context(pass.engine(), rows);
    return (layer, x) -> body.layers().get(layer).forward(pass, pass.fork(x), context.apply(layer));
  }

  private Tensor hidden(Pass pass, PackedRows rows, IntFunction<AttentionContext> context) {
    Tensor h = embedded(pass, rows);
    for (int i = 0; i < body.layers().size(); i++) {
      parts.enter(1 + i);
      Tensor next = body.layers().get(i).forward(pass, pass.fork(h), context.apply(i));
      parts.leave(pass, 1 + i);
      h.close();
      h = next;
    }
    return h;
  }

  /** The first part, {@code [tokens, dim]}. */
  Tensor embedded(Pass pass, PackedRows rows) {
    parts.enter(0);
    Tensor h = embed(pass, rows);
    parts.leave(pass, 0);
    return h;
  }

  /** The same, of a part that the caller has entered. */
  Tensor embed(Pass pass, PackedRows rows) {
    return body.embed(pass, rows, config.embeddingScale(), precision.compute());
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
    pass.setCutting(
        precision.widens() || recurrent() || loadBalance != 0 || Quantisation.isIn(this));
    return new ObjectiveEvaluation(this, pass, objective, loadBalance)
        .run(LabelledRows.of(rows, labels, config.outputs(), objective::needsPrompt));
  }

  /**
   * Enters, leaves and streams all that {@link #lossAndBackward} would, without a token: for ranks
   * that have none while others need their share of the parts.
   *
   * @param pass of this thread
   * @param objective that the other ranks evaluate
   */
  public void idle(Pass pass, Objective objective) {
    new ObjectiveEvaluation(this, pass, objective, 0).idle();
  }
}
