package org.tune4j.serve;

import java.util.List;
import org.tune4j.generation.SamplingOptions;

/**
 * A checked request.
 *
 * @param endpoint that was asked
 * @param model by its served name
 * @param prompts token ids, one list a prompt
 * @param texts the prompts as they are echoed
 * @param n answers a prompt
 * @param sampling with the request's limit and seed
 * @param echoOnly whether nothing is to be generated
 * @param echo whether the prompts come before the answers
 * @param logprobs how many of the likeliest tokens are shown beside each; -1 for no probabilities
 * @param stream whether the answer comes piece by piece
 * @param streamUsage whether the last piece counts tokens
 */
record GenerationRequest(
    Endpoint endpoint,
    String model,
    List<int[]> prompts,
    List<String> texts,
    int n,
    SamplingOptions sampling,
    boolean echoOnly,
    boolean echo,
    int logprobs,
    boolean stream,
    boolean streamUsage) {
  /** What is asked for. */
  enum Endpoint {
    /** Texts that go on. */
    COMPLETIONS,
    /** Turns of a conversation. */
    CHAT,
    /** Scores of texts. */
    CLASSIFY
  }

  boolean chat() {
    return endpoint == Endpoint.CHAT;
  }

  boolean classifies() {
    return endpoint == Endpoint.CLASSIFY;
  }

  int choices() {
    return prompts.size() * n;
  }

  /** The prompt of a choice. */
  int prompt(int choice) {
    return choice / n;
  }
}
