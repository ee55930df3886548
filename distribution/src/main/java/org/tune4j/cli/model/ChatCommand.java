package org.tune4j.cli.model;

import jakarta.inject.Inject;
import jakarta.inject.Provider;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tune4j.EnvironmentException;
import org.tune4j.Printable;
import org.tune4j.TuneException;
import org.tune4j.checkpoint.Labels;
import org.tune4j.cli.config.PluginOptions;
import org.tune4j.cli.terminal.Terminal;
import org.tune4j.generation.FinishReason;
import org.tune4j.generation.Generation;
import org.tune4j.generation.GenerationListener;
import org.tune4j.generation.SamplingOptions;
import org.tune4j.inference.InferenceModel;
import org.tune4j.platform.CtrlC;
import org.tune4j.spi.Backends;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.TensorScope;
import org.tune4j.tokenizers.Message;
import org.tune4j.training.ComputeOptions;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code tune chat}. */
@Command(
    name = "chat",
    description = "Chats with a model in the terminal.",
    sortOptions = false,
    footer = {
      "",
      "  /reset            clears the conversation",
      "  /system TEXT      sets the system message and clears the conversation",
      "  /adapter DIR|off  switches to this adapter, or to none",
      "  /temperature X    sets the temperature; 0 always takes the most likely token",
      "  /quit             ends the chat, as end of input does; Ctrl-C ends an answer"
    })
public final class ChatCommand implements Callable<Integer> {
  private static final String COMMANDS = "/reset, /system, /adapter, /temperature, /quit";

  @Option(
      names = "--model",
      required = true,
      paramLabel = "DIR",
      description = "The model: a Hugging Face folder, or a repository on the Hub.")
  private Path model;

  @Option(names = "--adapter", paramLabel = "DIR", description = "A PEFT adapter's folder.")
  private @Nullable Path adapter;

  @Option(names = "--system", paramLabel = "TEXT", description = "The system message.")
  private @Nullable String system;

  @Mixin private SamplingArguments sampling;
  @Mixin private ModelOptions compute;
  @Mixin private PluginOptions plugins;
  @Spec private CommandSpec spec;

  private final Provider<Backends> backends;
  private final Terminal terminal;

  @Inject
  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  ChatCommand(Provider<Backends> backends, Terminal terminal) {
    this.backends = backends;
    this.terminal = terminal;
  }

  @Override
  public Integer call() {
    plugins.load();
    SamplingOptions options = sampling.options();
    PrintWriter err = spec.commandLine().getErr();
    try (Engine engine = compute.open(backends.get());
        TensorScope scope = engine.openScope();
        InferenceModel opened = compute.load(model, ModelOptions.some(adapter), engine)) {
      Labels.requireNone(opened.with(adapter).config().labels());
      err.println(
          ComputeOptions.describe(engine, opened.base().precision()) + "; /quit ends, " + COMMANDS);
      new Conversation(opened, options, err).run();
    }
    return 0;
  }

  /** The turns so far, and what the commands change. */
  private final class Conversation {
    private final InferenceModel opened;
    private final PrintWriter err;
    private final List<Message> messages = new ArrayList<>();
    private volatile boolean pressed; // Ctrl-C, since a line was typed
    private volatile boolean answering;
    private SamplingOptions options;

    Conversation(InferenceModel opened, SamplingOptions options, PrintWriter err) {
      this.opened = opened;
      this.options = options;
      this.err = err;
      reset();
    }

    void run() {
      BufferedReader in =
          new BufferedReader(new InputStreamReader(terminal.in(), StandardCharsets.UTF_8));
      try (CtrlC taken = CtrlC.take(this::interrupted)) {
        for (String line = ask(in); line != null; line = ask(in)) {
          if (line.equals("/quit") || line.equals("/exit")) {
            return;
          }
          pressed = false;
          taken.again();
          answering = true;
          take(line.strip());
          answering = false;
        }
      } catch (IOException e) {
        throw new EnvironmentException("standard input cannot be read: " + e.getMessage(), e);
      }
    }

    private @Nullable String ask(BufferedReader in) throws IOException {
      if (terminal.interactive()) {
        err.print("> ");
        err.flush();
      }
      return in.readLine();
    }

    /** Ctrl-C ends an answer; between answers, the second one in a row ends the program. */
    void interrupted(Runnable release, Runnable exit) {
      pressed = true;
      if (!answering) {
        release.run();
        err.println("%nCtrl-C again or /quit ends".formatted());
      }
    }

    /** A mistake ends a turn, not the conversation. */
    private void take(String line) {
      try {
        if (line.startsWith("/")) {
          command(line);
        } else if (!line.isEmpty()) {
          answer(line);
        }
      } catch (TuneException e) {
        err.println(Printable.of(String.valueOf(e.getMessage())));
      }
    }

    private void command(String line) {
      int blank = line.indexOf(' ');
      String name = blank < 0 ? line : line.substring(0, blank);
      String argument = blank < 0 ? "" : line.substring(blank + 1).strip();
      switch (name) {
        case "/reset" -> reset();
        case "/system" -> {
          system = argument.isEmpty() ? null : argument;
          reset();
        }
        case "/adapter" -> {
          if (argument.isEmpty()) {
            err.println("adapter " + (adapter == null ? "off" : adapter));
          } else {
            Path next = argument.equals("off") ? null : Path.of(argument);
            opened.with(next);
            adapter = next;
            err.println("adapter " + argument);
          }
        }
        case "/temperature" -> temperature(argument);
        default -> err.println("%s is not known; there are %s".formatted(name, COMMANDS));
      }
    }

    private void temperature(String argument) {
      try {
        options = options.withTemperature(Double.parseDouble(argument));
      } catch (NumberFormatException e) {
        err.println("/temperature takes a number, not '%s'".formatted(argument));
      }
    }

    private void reset() {
      messages.clear();
      if (system != null) {
        messages.add(new Message("system", system, true));
      }
    }

    private void answer(String question) {
      List<Message> turns = new ArrayList<>(messages);
      turns.add(new Message("user", question, true));
      int[] prompt = opened.tokenizer().prompt(turns);
      Generation answer = opened.generator(adapter).generate(prompt, options, show());
      terminal.out().println();
      turns.add(new Message("assistant", answer.text(), false));
      messages.clear();
      messages.addAll(turns);
      // Another draw for the same words next time.
      options = options.withSeed(options.seed() + 1);
      if (answer.reason() != FinishReason.END && answer.reason() != FinishReason.STOP) {
        err.println("(ended by %s)".formatted(answer.reason().name().toLowerCase(Locale.ROOT)));
      }
    }

    private GenerationListener show() {
      return new GenerationListener() {
        @Override
        public void onText(int index, String text) {
          terminal.out().print(terminal.shown(text));
          terminal.out().flush();
        }

        @Override
        public boolean cancelled() {
          return pressed;
        }
      };
    }
  }
}
