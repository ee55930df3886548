package org.tune4j.nn;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.RandomBits;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/**
 * One thread's forward and backward through a model. Every pass has leaves of its own over the
 * shared storage of the trainable parameters, so several run at once on several threads and their
 * gradients are added afterwards in a fixed order.
 *
 * <p>Used by one thread at a time. Leaves and gradients belong to the scope given, which may be
 * another thread's, and live as long as it.
 */
public final class Pass {
  /** The name of the adapters that are used unless others are asked for. */
  public static final String DEFAULT_ADAPTER = "default";

  private final Engine engine;
  private final TensorScope owner;
  private final boolean training;
  private final long dropoutSeed;
  private final @Nullable GradientSink sink;
  private final Map<Parameter, Tensor> leaves = new LinkedHashMap<>();
  private @Nullable String adapter = DEFAULT_ADAPTER;
  private final Tape tape;
  private @Nullable LoadBalance balance;
  private long dropoutPosition;

  /** Takes each gradient during backward, as soon as it is whole. */
  public interface GradientSink {
    /**
     * The loss, before any gradient is taken; may throw to stop there.
     *
     * @param sum of the cross-entropies
     */
    void loss(double sum);

    /**
     * One parameter's gradient; nothing will read the parameter again in this pass.
     *
     * @param parameter that may be updated now
     * @param gradient in its shape and type; released when this returns
     */
    void take(Parameter parameter, Tensor gradient);

    /**
     * One parameter has no gradient.
     *
     * @param parameter trainable, and the loss does not depend on it
     */
    default void without(Parameter parameter) {}
  }

  /**
   * A pass.
   *
   * @param engine that computes it
   * @param owner what leaves and gradients belong to
   * @param training whether dropout drops
   * @param dropoutSeed what the dropped elements depend on, with the order of the calls
   */
  public Pass(Engine engine, TensorScope owner, boolean training, long dropoutSeed) {
    this(engine, owner, training, dropoutSeed, null);
  }

  /**
   * {@return a training pass that hands gradients on during backward and collects none}
   *
   * @param engine that computes it
   * @param owner what leaves belong to
   * @param dropoutSeed what the dropped elements depend on, with the order of the calls
   * @param sink takes each gradient once it is whole
   */
  public static Pass streaming(
      Engine engine, TensorScope owner, long dropoutSeed, GradientSink sink) {
    return new Pass(engine, owner, true, dropoutSeed, sink);
  }

  private Pass(
      Engine engine,
      TensorScope owner,
      boolean training,
      long dropoutSeed,
      @Nullable GradientSink sink) {
    this.sink = sink;
    this.engine = engine;
    this.owner = owner;
    this.training = training;
    this.dropoutSeed = dropoutSeed;
    this.tape = new Tape(engine, owner);
  }

  /**
   * {@return a pass that drops nothing}
   *
   * @param engine that computes it
   * @param owner what leaves and gradients belong to
   */
  public static Pass evaluation(Engine engine, TensorScope owner) {
    return new Pass(engine, owner, false, 0);
  }

  /**
   * {@return a pass that drops nothing and uses no adapter: the base model's}
   *
   * @param engine that computes it
   * @param owner what leaves and gradients belong to
   */
  public static Pass baseOnly(Engine engine, TensorScope owner) {
    return evaluation(engine, owner).withAdapter(null);
  }

  /**
   * Uses other adapters from now on.
   *
   * @param name of the adapters, where linears have one of that name; null for none
   * @return this
   */
  public Pass withAdapter(@Nullable String name) {
    adapter = name;
    return this;
  }

  /** {@return the name of the adapters that linears use; null for none} */
  public @Nullable String adapter() {
    return adapter;
  }

  /** {@return what computes it} */
  public Engine engine() {
    return engine;
  }

  /** {@return whether dropout drops} */
  public boolean training() {
    return training;
  }

  /**
   * {@return this pass's leaf over a trainable parameter's storage; a frozen one's shared tensor}
   *
   * @param p with storage
   */
  public Tensor value(Parameter p) {
    if (!p.trainable()) {
      return p.tensor();
    }
    Tensor leaf = leaves.get(p);
    if (leaf == null) {
      leaf = p.tensor().leaf().moveTo(owner);
      leaves.put(p, leaf);
    }
    return leaf;
  }

  /**
   * {@return {@link #value(Parameter)} in a type: cast where its own is another, and then owned by
   * the calling thread's scope}
   *
   * @param p with storage
   * @param dtype of what it meets
   */
  public Tensor value(Parameter p, DType dtype) {
    Tensor value = value(p);
    return value.dtype() == dtype ? value : value.cast(dtype);
  }

  /**
   * {@return {@code x W^T}, {@code [n, out]}, owned by the calling thread's scope} A frozen weight
   * narrower than {@code x}, or quantised, is widened where it is used, in forward and again in
   * backward, so that no wide copy of it is kept.
   *
   * @param x {@code [n, in]}, of {@link #input}
   * @param weight {@code [out, in]}
   */
  public Tensor linear(Tensor x, Parameter weight) {
    Tensor w = value(weight);
    return w.dtype() == x.dtype() ? engine.operations().linear(x, w) : tape.linear(x, w);
  }

  /**
   * {@return what stands for a tensor in everything that takes it: its own values, where a graph of
   * their own may begin} Call it where the way of the data divides, as before a residual branch:
   * the gradients of all branches then meet here before they flow on.
   *
   * @param x of any shape
   */
  public Tensor fork(Tensor x) {
    return tape.fork(x);
  }

  /**
   * {@return {@link #fork} for linears and their adapters alone, which keep the values only where
   * they need them}
   *
   * @param x {@code [n, in]}
   */
  public Tensor input(Tensor x) {
    return tape.input(x);
  }

  /**
   * Runs a recurrence over rows laid end to end, each from its own state. Where graphs end ({@link
   * #setCutting}), backward keeps the input and a state a chunk, and computes each chunk again.
   *
   * @param scan that is run
   * @param x {@code [tokens, ...]}; one, as several would go through a graph in common again
   * @param rowEnds where each row ends, ascending, the last {@code tokens}
   * @param states before each row; none where rows begin
   * @return owned by the calling thread's scope; gradients flow through the output alone
   */
  public Scan.Rows scan(Scan scan, Tensor x, int[] rowEnds, List<List<Tensor>> states) {
    return tape.scan(scan, x, rowEnds, states);
  }

  /**
   * {@return a router's scores, to whose gradient the {@linkplain #setLoadBalance load balance}
   * adds its own}
   *
   * @param scores {@code [tokens, experts]}, used once
   * @param chosen the experts of each token, one token's after the other
   */
  public Tensor balanced(Tensor scores, int[] chosen) {
    return balance == null ? scores : tape.pulled(scores, balance.observe(scores, chosen));
  }

  /**
   * Observes the routers from now on; graphs have to end, see {@link #setCutting}.
   *
   * @param observer of this pass's rows; null for none, as at first
   */
  public void setLoadBalance(@Nullable LoadBalance observer) {
    balance = observer;
  }

  /**
   * Says whether graphs end at each {@link #fork}, {@link #input} and {@link #scan}, and at each
   * {@link #linear} whose weight is narrower than what it is multiplied with; before anything is
   * computed.
   *
   * @param on false at first
   */
  public void setCutting(boolean on) {
    tape.setCutting(on);
  }

  /**
   * {@link #backward(Tensor, Tensor)} of a scalar, with a gradient of 1.
   *
   * @param output of this pass, with one element
   * @throws IllegalStateException when it depends on no leaf
   */
  public void backward(Tensor output) {
    output.backward();
    tape.backward();
  }

  /**
   * Adds to the gradients of all leaves what is sent back from an output of this pass; frees the
   * graph.
   *
   * @param output of this pass
   * @param gradient in its shape and type
   * @throws IllegalStateException when it depends on no leaf
   */
  public void backward(Tensor output, Tensor gradient) {
    output.backward(gradient);
    tape.backward();
  }

  /** {@return the seed of the next dropout, another at each call} */
  public long nextDropoutSeed() {
    return RandomBits.bits(dropoutSeed, dropoutPosition++);
  }

  /** {@return how many dropouts there were; {@link #seekDropout} returns here to repeat a layer} */
  public long dropoutPosition() {
    return dropoutPosition;
  }

  /**
   * Goes back, so that a recomputed layer drops the same elements.
   *
   * @param position of {@link #dropoutPosition}
   */
  public void seekDropout(long position) {
    dropoutPosition = position;
  }

  /** {@return whether gradients go to a sink as soon as they are whole} */
  public boolean streamsGradients() {
    return sink != null;
  }

  /**
   * Tells the sink, if there is one, what the loss is.
   *
   * @param sum over the label tokens
   */
  public void lossKnown(double sum) {
    if (sink != null) {
      sink.loss(sum);
    }
  }

  /**
   * Says that parameters' gradients are whole: they go to the sink, if there is one.
   *
   * @param parameters that nothing in this pass reads any more
   */
  public void gradientsWhole(Collection<Parameter> parameters) {
    if (sink == null) {
      return;
    }
    for (Parameter p : parameters) {
      Tensor leaf = leaves.remove(p);
      Optional<Tensor> gradient = leaf == null ? Optional.empty() : leaf.gradient();
      if (gradient.isPresent()) {
        sink.take(p, gradient.get());
        gradient.get().close();
      } else if (p.trainable()) {
        sink.without(p);
      }
      if (leaf != null) {
        leaf.close();
      }
    }
  }

  /**
   * Drops leaves that hold no gradient: their storage goes away.
   *
   * @param parameters whose leaves may go
   */
  public void forget(Collection<Parameter> parameters) {
    for (Parameter p : parameters) {
      Tensor leaf = leaves.get(p);
      if (leaf != null && leaf.gradient().isEmpty()) {
        leaves.remove(p);
        leaf.close();
      }
    }
  }

  /**
   * {@return what backward has collected so far, of every trainable parameter that took part, in
   * the order of first use; each in its parameter's shape and type}
   */
  public Map<Parameter, Tensor> gradients() {
    Map<Parameter, Tensor> all = new LinkedHashMap<>();
    leaves.forEach((p, leaf) -> leaf.gradient().ifPresent(g -> all.put(p, g.moveTo(owner))));
    return all;
  }
}
