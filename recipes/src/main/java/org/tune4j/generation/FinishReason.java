package org.tune4j.generation;

/** Why a text ended. */
public enum FinishReason {
  /** The model ended it, with one of the tokenizer's stop ids. */
  END,
  /** One of {@link SamplingOptions#stop} came. */
  STOP,
  /** {@link SamplingOptions#maxNewTokens} were generated. */
  LENGTH,
  /** The model takes no longer rows. */
  CONTEXT,
  /** The listener asked for no more. */
  CANCELLED
}
