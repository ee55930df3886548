package org.tune4j.serve;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.tune4j.generation.FinishReason;

/** What was generated for a request. Of the worker's thread. */
final class Answer {
  final GenerationRequest request;
  final List<Choice> choices = new ArrayList<>();
  int newTokens;

  Answer(GenerationRequest request) {
    this.request = request;
    for (int i = 0; i < request.choices(); i++) {
      choices.add(new Choice());
    }
  }

  int promptTokens() {
    return request.prompts().stream().mapToInt(p -> p.length).sum();
  }

  /** One of the answers. */
  static final class Choice {
    final StringBuilder text = new StringBuilder();
    final List<TokenScore> scores = new ArrayList<>();
    private @Nullable FinishReason reason;

    /** Of a classifier's labels. */
    double[] ofLabels = new double[0];

    void end(FinishReason why) {
      reason = why;
    }

    /** As OpenAI calls it. */
    String finishReason() {
      return reason == FinishReason.END || reason == FinishReason.STOP ? "stop" : "length";
    }
  }
}
