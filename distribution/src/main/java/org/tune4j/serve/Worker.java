package org.tune4j.serve;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tune4j.OutOfMemory;
import org.tune4j.TuneException;
import org.tune4j.generation.FinishReason;
import org.tune4j.generation.Generation;
import org.tune4j.generation.GenerationListener;
import org.tune4j.generation.Generator;
import org.tune4j.generation.SamplingOptions;
import org.tune4j.inference.Classifier;

/**
 * Answers one request after the other on the thread that calls {@link #run}, which owns the model's
 * tensors. A request's choices are generated together, a few at a time.
 */
final class Worker {
  private static final Logger LOG = LoggerFactory.getLogger(Worker.class);
  private static final int TOGETHER = 8;
  private static final long POLL_MILLIS = 100;

  private final ServedModels models;
  private final BlockingQueue<Job> waiting;
  private final Duration grace;
  private final BooleanSupplier stop;
  private long stoppedAt;

  /**
   * Over loaded models.
   *
   * @param stop whether the server is asked to end
   */
  Worker(ServedModels models, ServerLimits limits, BooleanSupplier stop) {
    this.models = models;
    this.waiting = new LinkedBlockingQueue<>(limits.queue());
    this.grace = limits.grace();
    this.stop = stop;
  }

  /**
   * Takes a request, from any thread.
   *
   * @throws ApiError when too many wait
   */
  void accept(Job job) {
    if (stop.getAsBoolean()) {
      throw ending();
    }
    if (!waiting.offer(job)) {
      dropThoseLeft();
      if (!waiting.offer(job)) {
        throw ApiError.of(
            429,
            "overloaded",
            "%d requests are waiting already; try again later".formatted(waiting.size()));
      }
    }
  }

  /** Who takes a request out of the queue is the one that ends it. */
  private void dropThoseLeft() {
    for (Job job : waiting) {
      if (job.reply().gone() && waiting.remove(job)) {
        job.reply().leave();
      }
    }
  }

  /** Gives up a request that still waits; from any thread. */
  void giveUp(Job job) {
    if (waiting.remove(job)) {
      job.reply().fail(Job.tooLate());
    }
  }

  /** Until the server is asked to end; an answer under way is ended first. */
  void run() {
    while (!stop.getAsBoolean()) {
      try {
        Job job = waiting.poll(POLL_MILLIS, TimeUnit.MILLISECONDS);
        if (job != null) {
          answer(job);
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        break;
      }
    }
    List<Job> rest = new ArrayList<>();
    waiting.drainTo(rest);
    rest.forEach(j -> j.reply().fail(ending()));
  }

  /** Whether the client is gone, and then nothing of the request is left. */
  private static boolean left(Job job) {
    boolean gone = job.reply().gone();
    if (gone) {
      job.reply().leave();
    }
    return gone;
  }

  private static ApiError ending() {
    return ApiError.of(503, "stopping", "the server is stopping");
  }

  private void answer(Job job) {
    if (left(job)) {
      return;
    }
    try {
      Answer answer = new Answer(job.request());
      if (!generate(job, answer)) {
        if (left(job)) {
          return;
        }
        job.reply().fail(job.late() ? Job.tooLate() : ending());
        return;
      }
      job.reply().end(answer);
    } catch (TuneException e) {
      job.reply().fail(ApiError.of(500, "model_error", String.valueOf(e.getMessage())));
    } catch (RuntimeException | OutOfMemoryError e) {
      LOG.error("a request failed", e);
      job.reply()
          .fail(
              OutOfMemory.in(e)
                  .map(o -> ApiError.of(500, "out_of_memory", String.valueOf(o.getMessage())))
                  .orElseGet(() -> ApiError.of(500, "internal_error", "the server failed: " + e)));
    }
  }

  /** Fills an answer in; false where it was cancelled. */
  private boolean generate(Job job, Answer answer) {
    GenerationRequest request = job.request();
    if (request.classifies()) {
      return classify(job, answer);
    }
    Generator generator = Objects.requireNonNull(models.generator(request.model()));
    SamplingOptions sampling = request.sampling();
    for (int from = 0; from < request.choices(); from += TOGETHER) {
      int to = Math.min(from + TOGETHER, request.choices());
      List<int[]> prompts = new ArrayList<>();
      for (int c = from; c < to; c++) {
        prompts.add(request.prompts().get(request.prompt(c)));
      }
      // The first are what `tune generate` gives; the next draw by another seed.
      SamplingOptions own = sampling.withSeed(sampling.seed() + from / TOGETHER);
      List<Generation> done = generator.generate(prompts, own, new Ear(job, answer, from));
      for (int c = from; c < to; c++) {
        Generation g = done.get(c - from);
        if (g.reason() == FinishReason.CANCELLED) {
          return false;
        }
        answer.newTokens += request.echoOnly() ? 0 : g.newTokens();
        answer.choices.get(c).end(request.echoOnly() ? FinishReason.LENGTH : g.reason());
      }
    }
    return true;
  }

  /** The same of scores. */
  private boolean classify(Job job, Answer answer) {
    GenerationRequest request = job.request();
    Classifier classifier = Objects.requireNonNull(models.classifier(request.model()));
    for (int c = 0; c < request.choices(); c++) {
      if (cancelled(job)) {
        return false;
      }
      answer.choices.get(c).ofLabels = classifier.scores(request.prompts().get(c));
    }
    return true;
  }

  private boolean cancelled(Job job) {
    if (stop.getAsBoolean() && stoppedAt == 0) {
      stoppedAt = System.nanoTime();
    }
    boolean graceOver = stoppedAt != 0 && System.nanoTime() - stoppedAt > grace.toNanos();
    return graceOver || job.late() || job.reply().gone();
  }

  /** Hears a batch of choices and passes on what comes. */
  private final class Ear implements GenerationListener {
    private final Job job;
    private final GenerationRequest request;
    private final Answer answer;
    private final int first;
    private final float[][] logits;
    private final List<List<TokenScore>> unsent = new ArrayList<>();

    Ear(Job job, Answer answer, int first) {
      this.job = job;
      this.request = job.request();
      this.answer = answer;
      this.first = first;
      this.logits = new float[TOGETHER][];
      for (int i = 0; i < TOGETHER; i++) {
        unsent.add(new ArrayList<>());
      }
    }

    private boolean scores() {
      return request.logprobs() >= 0;
    }

    @Override
    public boolean readsPrompt() {
      return request.echo() && scores();
    }

    @Override
    public void onPromptLogits(int index, int position, float[] given) {
      int[] prompt = request.prompts().get(request.prompt(first + index));
      if (position == 0) {
        score(index, TokenScore.unknown(prompt[0]));
      }
      if (position + 1 < prompt.length) {
        score(
            index,
            TokenScore.of(given, prompt[position + 1], request.logprobs(), models.vocabSize()));
      }
    }

    @Override
    public void onLogits(int index, float[] given) {
      if (position(index) == 0 && request.echo()) {
        say(index, request.texts().get(request.prompt(first + index)));
      }
      if (scores()) {
        logits[index] = given.clone();
      }
    }

    /** Characters of a choice so far. */
    private int position(int index) {
      return answer.choices.get(first + index).text.length();
    }

    @Override
    public void onToken(int index, int id) {
      if (scores() && !request.echoOnly()) {
        score(index, TokenScore.of(logits[index], id, request.logprobs(), models.vocabSize()));
      }
    }

    private void score(int index, TokenScore score) {
      answer.choices.get(first + index).scores.add(score);
      unsent.get(index).add(score);
    }

    @Override
    public void onText(int index, String text) {
      if (!request.echoOnly()) {
        say(index, text);
      }
    }

    private void say(int index, String text) {
      answer.choices.get(first + index).text.append(text);
      job.reply().piece(first + index, text, List.copyOf(unsent.get(index)));
      unsent.get(index).clear();
    }

    @Override
    public boolean cancelled() {
      return Worker.this.cancelled(job);
    }
  }
}
