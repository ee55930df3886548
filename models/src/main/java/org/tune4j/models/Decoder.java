package org.tune4j.models;

import java.util.ArrayList;
import java.util.Arrays;
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

  private int last() {
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

  private Reach reach(PackedRows rows) {
    return Reach.within(rows, config.slidingWindow());
  }

  private void leave(Pass pass, int part) {
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

  /** The last part, which the caller has entered for the loss. */
  private Tensor project(Pass pass, Tensor hidden) {
    return head.forward(pass, body.norm.forward(pass, hidden));
  }

  private Tensor lastPart(Pass pass, Tensor hidden) {
    residency.enter(last());
    Tensor logits = project(pass, hidden);
    leave(pass, last());
    return logits;
  }

  private Tensor hidden(Pass pass, PackedRows rows) {
    Reach reach = reach(rows);
    return hidden(pass, rows, rotary.tables(pass.engine(), rows, dtype), layer -> reach);
  }

  /** The residual stream after the last layer, {@code [tokens, dim]}. */
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

  private Tensor embedded(Pass pass, PackedRows rows) {
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
    return lossAndBackward(pass, rows, labels, Loss.crossEntropy(chunk));
  }

  /**
   * Adds to the pass's gradients those of the sum of the losses, and returns the sum. Where
   * gradients are off, or nothing is trainable, it is the loss alone.
   *
   * <p>Hidden states of ignored positions do not reach the head, and logits exist {@link
   * Loss#chunkTokens} positions at a time. Chunks are summed in fp64.
   *
   * @param pass of this thread; takes the gradients
   * @param rows each no longer than the model takes
   * @param labels what follows each position, {@link #IGNORED} where it is not trained on; {@code
   *     [tokens]}
   * @param loss of the logits of labelled positions
   * @return the sum over the positions that are not ignored; 0, and no gradient, where all are
   * @throws UsageException when a row is longer, or an id or a label is outside the vocabulary
   * @throws IllegalArgumentException when there are not as many labels as tokens
   * @throws IllegalStateException when a {@link Residency} is set without checkpointed layers, or
   *     gradients are asked of packed weights
   */
  public double lossAndBackward(Pass pass, PackedRows rows, int[] labels, Loss loss) {
    rows.check(config);
    int[] trained = trained(rows, labels);
    if (loss.chunkTokens() <= 0) {
      throw new IllegalArgumentException(
          "chunkTokens of the loss is %d, expected 1 or more".formatted(loss.chunkTokens()));
    }
    if (trained.length == 0) {
      idle(pass);
      return 0;
    }
    int[] targets = Arrays.stream(trained).map(i -> labels[i]).toArray();
    try (TensorScope scope = pass.engine().openScope()) {
      if (head.isPacked() && pass.engine().recording()) {
        throw new IllegalStateException("packed weights record nothing for gradients");
      }
      if (residency != Residency.ALWAYS && !checkpointLayers && pass.engine().recording()) {
        throw new IllegalStateException("a residency needs checkpointed layers");
      }
      if (!pass.engine().recording()) {
        return recorded(pass, rows, trained, targets, loss);
      }
      return checkpointLayers
          ? checkpointed(pass, rows, trained, targets, loss)
          : pass.streamsGradients()
              ? layerByLayer(pass, rows, trained, targets, loss)
              : recorded(pass, rows, trained, targets, loss);
    }
  }

  /**
   * Enters, leaves and hands on all that {@link #lossAndBackward} would, without a token: for ranks
   * that have none while others need their share of the parts.
   *
   * @param pass of this thread
   */
  public void idle(Pass pass) {
    for (int part = 0; part <= last(); part++) {
      residency.enter(part);
      if (part == last() && pass.engine().recording()) {
        pass.gradientsWhole(above());
      }
      leave(pass, part);
    }
    if (!pass.engine().recording()) {
      return;
    }
    int lowest = lowestTrained();
    for (int i = body.layers.size() - 1; i >= lowest; i--) {
      residency.enter(1 + i);
      pass.gradientsWhole(body.layers.get(i).parameters().values());
      leave(pass, 1 + i);
    }
    if (body.embedding.weight().trainable()) {
      residency.enter(0);
      pass.gradientsWhole(List.of(body.embedding.weight()));
      leave(pass, 0);
    }
  }

  private int[] trained(PackedRows rows, int[] labels) {
    if (labels.length != rows.tokens().length) {
      throw new IllegalArgumentException(
          "there are %d labels for %d tokens".formatted(labels.length, rows.tokens().length));
    }
    int[] trained = new int[labels.length];
    int n = 0;
    for (int i = 0; i < labels.length; i++) {
      if (labels[i] == IGNORED) {
        continue;
      }
      if (labels[i] < 0 || labels[i] >= config.vocabSize()) {
        throw new UsageException(
            "label %d is %d, expected %d or an id below %d"
                .formatted(i, labels[i], IGNORED, config.vocabSize()));
      }
      trained[n++] = i;
    }
    return Arrays.copyOf(trained, n);
  }

  private double recorded(Pass pass, PackedRows rows, int[] trained, int[] targets, Loss loss) {
    Tensor selected;
    try (TensorScope scope = pass.engine().openScope()) {
      Tensor hidden = hidden(pass, rows);
      selected = scope.moveOut(hidden.indexSelect(pass.engine().indices(trained)));
    }
    residency.enter(last());
    HeadResult result = head(pass, selected, targets, loss, selected.requiresGradient());
    leave(pass, last());
    if (result.gradient != null) {
      selected.backward(result.gradient);
    }
    return result.loss;
  }

  /**
   * The same in one backward a layer, each of which hands on what is whole; the same bits, for the
   * residual stream is all that leads from layer to layer.
   */
  private double layerByLayer(Pass pass, PackedRows rows, int[] trained, int[] targets, Loss loss) {
    Engine engine = pass.engine();
    RotaryEmbedding.Tables rope = rotary.tables(engine, rows, dtype);
    Reach reach = reach(rows);
    List<Tensor> outputs = new ArrayList<>(List.of(embedded(pass, rows)));
    List<Tensor> inputs = new ArrayList<>();
    for (DecoderLayer layer : body.layers) {
      Tensor below = outputs.get(outputs.size() - 1);
      inputs.add(below.requiresGradient() ? below.leaf() : below);
      outputs.add(layer.forward(pass, inputs.get(inputs.size() - 1), rope, reach));
    }
    Tensor last = outputs.get(outputs.size() - 1);
    inputs.add(last.requiresGradient() ? last.leaf() : last);
    Tensor selected = inputs.get(inputs.size() - 1).indexSelect(engine.indices(trained));
    HeadResult result = head(pass, selected, targets, loss, selected.requiresGradient());
    pass.lossKnown(result.loss);
    pass.gradientsWhole(above());
    if (result.gradient == null) {
      return result.loss;
    }
    selected.backward(result.gradient);
    selected.close();
    for (int i = body.layers.size(); i >= 0 && outputs.get(i).requiresGradient(); i--) {
      Tensor gradient = inputs.get(i).gradient().orElseThrow();
      outputs.get(i).backward(gradient);
      for (Tensor done : List.of(gradient, inputs.get(i), outputs.get(i))) {
        done.close();
      }
      pass.gradientsWhole(
          i == 0 ? List.of(body.embedding.weight()) : body.layers.get(i - 1).parameters().values());
    }
    return result.loss;
  }

  /** The sum of the losses and, where the layers need it, its gradient at the hidden states. */
  private record HeadResult(double loss, @Nullable Tensor gradient) {}

  /**
   * Norm, projection and loss of {@code selected [n, dim]}, a chunk at a time; each chunk's logits
   * are gone before the next.
   */
  private HeadResult head(
      Pass pass, Tensor selected, int[] targets, Loss loss, boolean wantsGradient) {
    Engine engine = pass.engine();
    List<Tensor> gradients = new ArrayList<>();
    double total = 0;
    int chunk = loss.chunkTokens();
    for (int start = 0; start < targets.length; start += chunk) {
      int length = Math.min(chunk, targets.length - start);
      try (TensorScope scope = engine.openScope()) {
        Tensor piece = selected.detach().narrow(0, start, length);
        Tensor leaf = wantsGradient ? piece.leaf() : piece;
        Tensor labels = engine.indices(Arrays.copyOfRange(targets, start, start + length));
        Tensor sum = loss.sum(project(pass, leaf), labels);
        if (sum.requiresGradient()) {
          sum.backward();
        }
        if (wantsGradient) {
          gradients.add(scope.moveOut(leaf.gradient().orElseThrow()));
        }
        total += sum.item();
      }
    }
    if (!wantsGradient) {
      return new HeadResult(total, null);
    }
    return new HeadResult(
        total, gradients.size() == 1 ? gradients.get(0) : Tensor.cat(gradients, 0));
  }

  private double checkpointed(Pass pass, PackedRows rows, int[] trained, int[] targets, Loss loss) {
    Engine engine = pass.engine();
    int layers = body.layers.size();
    boolean trainsEmbedding = body.embedding.weight().trainable();
    int lowest = lowestTrained();
    RotaryEmbedding.Tables rope = rotary.tables(engine, rows, dtype);
    List<Tensor> inputs = new ArrayList<>();
    long[] dropout = new long[layers];
    Tensor h;
    try (Engine.NoGradient off = engine.noGradient()) {
      h = embedded(pass, rows);
      for (int i = 0; i < layers; i++) {
        dropout[i] = pass.dropoutPosition();
        residency.enter(1 + i);
        Tensor next = body.layers.get(i).forward(pass, h, rope, reach(rows));
        leave(pass, 1 + i);
        if (i >= lowest) {
          inputs.add(h);
        } else {
          h.close();
        }
        h = next;
      }
    }
    boolean wantsGradient = lowest < layers;
    Tensor top = wantsGradient ? h.leaf() : h;
    Tensor selected = top.indexSelect(engine.indices(trained));
    residency.enter(last());
    HeadResult result = head(pass, selected, targets, loss, wantsGradient);
    pass.lossKnown(result.loss);
    pass.gradientsWhole(above());
    leave(pass, last());
    if (result.gradient == null) {
      return result.loss;
    }
    selected.backward(result.gradient);
    Tensor gradient = top.gradient().orElseThrow();
    for (int i = layers - 1; i >= lowest; i--) {
      pass.seekDropout(dropout[i]);
      Tensor input = inputs.get(i - lowest);
      boolean further = i > lowest || trainsEmbedding;
      residency.enter(1 + i);
      Tensor below = repeat(pass, body.layers.get(i), input, gradient, further, rope, rows);
      gradient.close();
      input.close();
      pass.gradientsWhole(body.layers.get(i).parameters().values());
      leave(pass, 1 + i);
      if (below == null) {
        return result.loss;
      }
      gradient = below;
    }
    residency.enter(0);
    body.embedding.forward(pass, rows.tokens()).backward(gradient);
    pass.gradientsWhole(List.of(body.embedding.weight()));
    leave(pass, 0);
    return result.loss;
  }

  /** The last part's own parameters: a tied head's weight is whole only after the embedding's. */
  private List<Parameter> above() {
    List<Parameter> above = new ArrayList<>(body.norm.parameters().values());
    above.addAll(head.parameters().values());
    above.remove(body.embedding.weight());
    return above;
  }

  /** The lowest layer that backward reaches. */
  private int lowestTrained() {
    if (body.embedding.weight().trainable()) {
      return 0;
    }
    int i = 0;
    while (i < body.layers.size() && !body.layers.get(i).trains()) {
      i++;
    }
    return i;
  }

  /** A layer's forward again, recorded, and its backward; the gradient of its input if wanted. */
  private @Nullable Tensor repeat(
      Pass pass,
      DecoderLayer layer,
      Tensor input,
      Tensor gradient,
      boolean further,
      RotaryEmbedding.Tables rope,
      PackedRows rows) {
    try (TensorScope scope = pass.engine().openScope()) {
      Tensor x = further ? input.leaf() : input.detach();
      Tensor y = layer.forward(pass, x, rope, reach(rows));
      if (y.requiresGradient()) {
        y.backward(gradient);
      }
      return further ? scope.moveOut(x.gradient().orElseThrow()) : null;
    }
  }
}
