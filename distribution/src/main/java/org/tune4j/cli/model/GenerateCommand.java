package org.tune4j.cli.model;

import com.fasterxml.jackson.databind.ObjectMapper;
import jakarta.inject.Inject;
import jakarta.inject.Provider;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tune4j.EnvironmentException;
import org.tune4j.TextFile;
import org.tune4j.UsageException;
import org.tune4j.cli.config.PluginOptions;
import org.tune4j.cli.terminal.Terminal;
import org.tune4j.generation.Generation;
import org.tune4j.generation.GenerationListener;
import org.tune4j.generation.Generator;
import org.tune4j.generation.SamplingOptions;
import org.tune4j.inference.InferenceModel;
import org.tune4j.spi.Backends;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.TensorScope;
import org.tune4j.tokenizers.Message;
import org.tune4j.tokenizers.Tokenizer;
import org.tune4j.training.ComputeOptions;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code tune generate}. */
@Command(
    name = "generate",
    description = "Continues prompts with a model, with or without an adapter.",
    sortOptions = false,
    footer = {
      "",
      "Without --prompt or a prompt file, the prompt is read from standard input. "
          + "Only the generated text goes to standard output; everything else goes to "
          + "standard error."
    })
public final class GenerateCommand implements Callable<Integer> {
  @Option(
      names = "--model",
      required = true,
      paramLabel = "DIR",
      description = "The model: a Hugging Face folder, or a repository on the Hub.")
  private Path model;

  @Option(names = "--adapter", paramLabel = "DIR", description = "A PEFT adapter's folder.")
  private @Nullable Path adapter;

  @Option(
      names = "--compare",
      paramLabel = "DIR",
      description = "Shows answers without and with this adapter, side by side.")
  private @Nullable Path compare;

  @Option(names = "--prompt", paramLabel = "TEXT", description = "A prompt; can be repeated.")
  private List<String> prompts = new ArrayList<>();

  @Option(
      names = "--prompt-file",
      paramLabel = "FILE",
      description = "A file with one prompt; can be repeated.")
  private List<Path> promptFiles = new ArrayList<>();

  @Option(
      names = "--prompt-lines",
      paramLabel = "FILE",
      description = "A file with one prompt per line.")
  private @Nullable Path promptLines;

  @Option(names = "--chat", description = "Applies the model's chat template.")
  private boolean chat;

  @Option(
      names = "--system",
      paramLabel = "TEXT",
      description = "The system message; needs --chat.")
  private @Nullable String system;

  @Option(
      names = "--batch-size",
      paramLabel = "N",
      defaultValue = "8",
      description = "Number of prompts per batch (default: ${DEFAULT-VALUE}).")
  private int batchSize = 8;

  @Option(
      names = "--json",
      description =
          "Prints a JSON object per prompt: prompt, text, finish_reason, tokens, batch seconds.")
  private boolean json;

  @Mixin private SamplingArguments sampling;
  @Mixin private ModelOptions compute;
  @Mixin private PluginOptions plugins;
  @Spec private CommandSpec spec;

  private final Provider<Backends> backends;
  private final Terminal terminal;

  @Inject
  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  GenerateCommand(Provider<Backends> backends, Terminal terminal) {
    this.backends = backends;
    this.terminal = terminal;
  }

  @Override
  public Integer call() {
    plugins.load();
    SamplingOptions options = sampling.options();
    check();
    List<String> texts = prompts();
    PrintWriter err = spec.commandLine().getErr();
    try (Engine engine = compute.open(backends.get());
        TensorScope scope = engine.openScope();
        InferenceModel opened = compute.load(model, ModelOptions.some(adapter, compare), engine)) {
      err.println(ComputeOptions.describe(engine, opened.base().precision()));
      List<int[]> ids = texts.stream().map(t -> encode(opened.tokenizer(), t)).toList();
      if (compare != null) {
        compare(opened, texts, ids, options);
      } else {
        generate(opened.generator(adapter), texts, ids, options, err);
      }
    }
    return 0;
  }

  private void check() {
    if (batchSize < 1) {
      throw new UsageException("--batch-size is %d, expected 1 or more".formatted(batchSize));
    }
    if (system != null && !chat) {
      throw new UsageException("--system needs --chat");
    }
    if (compare != null && (adapter != null || json)) {
      throw new UsageException(
          "--compare shows the base and one adapter; leave out --adapter and --json");
    }
  }

  private List<String> prompts() {
    List<String> all = new ArrayList<>(prompts);
    promptFiles.forEach(f -> all.add(TextFile.read(f, "prompt file").replaceFirst("\\R\\z", "")));
    if (promptLines != null) {
      TextFile.read(promptLines, "prompt file").lines().filter(l -> !l.isBlank()).forEach(all::add);
    }
    if (all.isEmpty() && promptLines == null) {
      try {
        String typed = TextFile.decode(terminal.in().readAllBytes(), "standard input");
        all.add(typed.replaceFirst("\\R\\z", ""));
      } catch (IOException e) {
        throw new EnvironmentException("standard input cannot be read: " + e.getMessage(), e);
      }
    }
    if (all.isEmpty() || all.contains("")) {
      throw new UsageException("a prompt is empty; give --prompt TEXT, or text in the file");
    }
    return all;
  }

  private int[] encode(Tokenizer tokenizer, String prompt) {
    if (!chat) {
      return tokenizer.encodeAlone(prompt);
    }
    List<Message> messages = new ArrayList<>();
    if (system != null) {
      messages.add(new Message("system", system, true));
    }
    messages.add(new Message("user", prompt, true));
    return tokenizer.prompt(messages);
  }

  private void generate(
      Generator generator,
      List<String> texts,
      List<int[]> ids,
      SamplingOptions options,
      PrintWriter err) {
    PrintStream out = terminal.out();
    boolean streams = ids.size() == 1 && !json;
    int tokens = 0;
    long start = System.nanoTime();
    for (int from = 0; from < ids.size(); from += batchSize) {
      long began = System.nanoTime();
      int to = Math.min(from + batchSize, ids.size());
      List<Generation> done =
          generator.generate(
              ids.subList(from, to), options, streams ? this::show : GenerationListener.NONE);
      double took = (System.nanoTime() - began) / 1e9;
      for (int i = 0; i < done.size(); i++) {
        Generation g = done.get(i);
        tokens += g.newTokens();
        if (json) {
          out.println(line(texts.get(from + i), g, took));
        } else {
          out.println(streams ? "" : terminal.shown(g.text()));
        }
      }
    }
    double seconds = (System.nanoTime() - start) / 1e9;
    err.printf(
        Locale.ROOT,
        "%d tokens in %.1f s, %.1f tokens/s%n",
        tokens,
        seconds,
        tokens / Math.max(seconds, 1e-9));
  }

  private void show(int index, String text) {
    terminal.out().print(terminal.shown(text));
    terminal.out().flush();
  }

  private static String line(String prompt, Generation g, double seconds) {
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("prompt", prompt);
    all.put("text", g.text());
    all.put("finish_reason", g.reason().name().toLowerCase(Locale.ROOT));
    all.put("prompt_tokens", g.promptTokens());
    all.put("new_tokens", g.newTokens());
    all.put("seconds", seconds);
    try {
      return new ObjectMapper().writeValueAsString(all);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private void compare(
      InferenceModel opened, List<String> texts, List<int[]> ids, SamplingOptions options) {
    Generator base = opened.generator(null);
    Generator tuned = opened.generator(compare);
    for (int i = 0; i < ids.size(); i++) {
      if (texts.size() > 1) {
        terminal.out().println((i == 0 ? "" : "\n") + "> " + texts.get(i).strip());
      }
      SideBySide.print(
          terminal.out(),
          List.of("base", String.valueOf(compare)),
          List.of(
              shown(base.generate(ids.get(i), options, GenerationListener.NONE)),
              shown(tuned.generate(ids.get(i), options, GenerationListener.NONE))));
    }
  }

  private String shown(Generation g) {
    return terminal.shown(g.text().strip());
  }
}
