package org.tune4j.cli;

import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import org.tune4j.ConfigException;
import org.tune4j.OutOfMemory;
import org.tune4j.Printable;
import org.tune4j.TuneException;
import org.tune4j.cli.config.CatCommand;
import org.tune4j.cli.config.CpCommand;
import org.tune4j.cli.config.LsCommand;
import org.tune4j.cli.config.MigrateCommand;
import org.tune4j.cli.config.NewCommand;
import org.tune4j.cli.config.ReferenceCommand;
import org.tune4j.cli.config.ValidateCommand;
import org.tune4j.cli.data.DataCommand;
import org.tune4j.cli.hub.DownloadCommand;
import org.tune4j.cli.hub.PushCommand;
import org.tune4j.cli.model.ChatCommand;
import org.tune4j.cli.model.ConvertCommand;
import org.tune4j.cli.model.EvalCommand;
import org.tune4j.cli.model.GenerateCommand;
import org.tune4j.cli.model.LogitsCommand;
import org.tune4j.cli.model.MergeAdaptersCommand;
import org.tune4j.cli.model.MergeCommand;
import org.tune4j.cli.model.ServeCommand;
import org.tune4j.cli.terminal.Terminal;
import org.tune4j.cli.train.DashboardCommand;
import org.tune4j.cli.train.PlanCommand;
import org.tune4j.cli.train.PlotCommand;
import org.tune4j.cli.train.RunCommand;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** The {@code tune} command. */
@Command(
    name = "tune",
    description = "Fine-tunes language models with LoRA on the JVM.",
    versionProvider = Version.class,
    sortOptions = false,
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      RunCommand.class,
      LsCommand.class,
      CpCommand.class,
      CatCommand.class,
      ReferenceCommand.class,
      ValidateCommand.class,
      MigrateCommand.class,
      GenerateCommand.class,
      ChatCommand.class,
      EvalCommand.class,
      LogitsCommand.class,
      MergeCommand.class,
      MergeAdaptersCommand.class,
      ConvertCommand.class,
      ServeCommand.class,
      DownloadCommand.class,
      PushCommand.class,
      PlanCommand.class,
      DataCommand.class,
      DashboardCommand.class,
      PlotCommand.class,
      NewCommand.class,
      BackendsCommand.class,
      EnvCommand.class
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  tune download HuggingFaceTB/SmolLM2-135M-Instruct",
      "  tune ls                                   recipes and their configs",
      "  tune cat smollm2/135M_lora_single_device  a config, every key explained",
      "  tune reference adamw                      the keys of a component",
      "  tune cp smollm2/135M_lora_single_device my.yaml",
      "  tune validate my.yaml optimizer.lr=1e-4   a config's errors",
      "  tune migrate torchtune.yaml -o my.yaml    a torchtune config in Tune4J's names",
      "  tune plan --config my.yaml                the memory it would take",
      "  tune data inspect --config my.yaml        its rows as the model sees them",
      "  tune run lora_finetune_single_device --config my.yaml \\",
      "      checkpointer.checkpoint_dir=DIR dataset.data_files=rows.json \\",
      "      lora_rank=16 lora_attn_modules=['q_proj','v_proj'] backend=javacpp",
      "  tune generate --model DIR --adapter out/epoch_0 --prompt TEXT",
      "  tune eval --model DIR --tasks truthfulqa_mc2 --data FILE",
      "  tune logits --model DIR --ids ids.jsonl -o logits.safetensors",
      "  tune merge --model DIR --adapter out/epoch_0 -o merged",
      "  tune merge-adapters --adapter a --weight 0.7 --adapter b --weight 0.3 -o ab",
      "  tune convert merged merged.gguf --type q8_0",
      "  tune push out/epoch_0 OWNER/NAME",
      "  tune serve --model DIR --adapter pirate=out/epoch_0",
      "  tune dashboard out                        runs compared in the browser, live",
      "  tune plot out/a out/b -o loss.png         the same as an image",
      "  tune new recipe my_recipe                 a plugin project to start from",
      "  tune backends                             the available backends",
      "",
      "Overrides: key=value or section.key=value sets a key, ~key deletes it.",
      "Exit codes: 0 success, 1 failed run, 2 wrong command or config."
    })
@SuppressWarnings("UnusedVariable") // picocli reads the options
public final class Tune implements Callable<Integer> {
  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      scope = ScopeType.INHERIT,
      description = "Shows this help.")
  private boolean help;

  @Option(
      names = {"-V", "--version"},
      versionHelp = true,
      description = "Shows the version.")
  private boolean version;

  @Option(
      names = "--stacktrace",
      scope = ScopeType.INHERIT,
      description = "Prints an error's stack trace.")
  private boolean stacktrace;

  @Spec private CommandSpec spec;

  /** Made by {@link #execute}'s factory. */
  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  public Tune() {}

  /**
   * Runs one command; prints, never ends the process.
   *
   * @param factory makes the commands
   * @param args the command's name, its options and its arguments
   * @param out takes help and version; results go where the factory's {@link Terminal} says
   * @param err takes what is wrong, a line a problem
   * @return 0 when done, 1 when the run failed, 2 when the command or the config is wrong
   */
  public static int execute(
      CommandLine.IFactory factory, String[] args, PrintStream out, PrintStream err) {
    try {
      CommandLine line = new CommandLine(Tune.class, factory);
      // A prompt may begin with '@'; no file becomes arguments for it.
      line.setExpandAtFiles(false);
      line.setOut(new PrintWriter(out, true, StandardCharsets.UTF_8));
      line.setColorScheme(CommandLine.Help.defaultColorScheme(CommandLine.Help.Ansi.OFF));
      line.setErr(new PrintWriter(err, true, StandardCharsets.UTF_8));
      line.setParameterExceptionHandler((e, rejected) -> wrongUsage(e, rejected, err));
      line.setExecutionExceptionHandler(
          (e, command, parsed) -> failed(e, Arrays.asList(args), err));
      return line.execute(args);
    } catch (Throwable e) {
      return failed(e, Arrays.asList(args), err);
    }
  }

  @Override
  public Integer call() {
    spec.commandLine().usage(spec.commandLine().getErr());
    return 2;
  }

  private static int wrongUsage(
      CommandLine.ParameterException e, String[] rejected, PrintStream err) {
    CommandLine command = e.getCommandLine();
    err.println("tune: " + Printable.of(UsageText.of(e)) + "; see `" + name(command) + " --help`");
    if (Arrays.asList(rejected).contains("--stacktrace")) {
      e.printStackTrace(err);
    }
    return 2;
  }

  private static String name(CommandLine command) {
    return command.getCommandSpec().qualifiedName(" ");
  }

  private static int failed(Throwable thrown, List<String> args, PrintStream err) {
    // What makes the commands wraps what a provider throws.
    Throwable e =
        !(thrown instanceof TuneException) && thrown.getCause() instanceof TuneException cause
            ? cause
            : thrown;
    if (!(e instanceof TuneException)) {
      e = OutOfMemory.in(e).map(Throwable.class::cast).orElse(e);
    }
    int code = 1;
    if (e instanceof ConfigException c) {
      c.problems().forEach(problem -> err.println(line(problem)));
      code = c.exitCode();
    } else if (e instanceof TuneException t) {
      t.problems().forEach(problem -> err.println("tune: " + line(problem)));
      code = t.exitCode();
    } else {
      err.println(
          "tune: internal error: "
              + line(e.toString())
              + "; run again with --stacktrace and report it");
    }
    if (args.contains("--stacktrace")) {
      e.printStackTrace(err);
    }
    return code;
  }

  /** Names from files and models may have line breaks, and what a terminal obeys. */
  private static String line(String problem) {
    return Printable.of(problem.replaceAll("\\s*[\\r\\n]+\\s*", " "));
  }
}
