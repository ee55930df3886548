package org.tune4j.runs;

import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
import org.tune4j.component.ByName;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Requirements;
import org.tune4j.evaluation.Evaluation;
import org.tune4j.evaluation.EvaluationTask;

/**
 * Keys of every recipe that trains: tasks that the model is scored by as it learns.
 *
 * @param evalTasks built-in tasks, YAML files, or tasks of plugins; empty for none
 * @param evalData the rows of all tasks; null where each names its own file
 * @param evalLimit maximum number of rows per task; 0 for all
 * @param runEvalEveryNSteps steps between evaluations; null where there are no tasks
 * @param plugins tasks that are not built in; no key
 */
public record EvaluationOptions(
    @Doc(
            "truthfulqa_mc2, truthfulqa_mc1, perplexity, classification, reward, custom YAML files or plugins' tasks")
        @Default("[]")
        List<String> evalTasks,
    @Doc("the tasks' rows; null if each task names its own file") @Nullable Path evalData,
    @Doc("maximum number of rows per task; 0 for all") @Default("0") int evalLimit,
    @Doc("steps between evaluations") @Nullable Integer runEvalEveryNSteps,
    ByName<EvaluationTask> plugins) {
  /**
   * Checks that there are tasks exactly where there is a time for them, that each is known and has
   * data.
   *
   * @throws UsageException when one is there without the other, a number is below its least, or a
   *     task is not known or has no data file
   * @throws org.tune4j.InputException when a task's YAML file cannot be read, or its data file is
   *     missing
   */
  public EvaluationOptions {
    evalTasks = List.copyOf(evalTasks);
    new Requirements().atLeast(1, "run_eval_every_n_steps", runEvalEveryNSteps).check();
    if (evalTasks.isEmpty() != (runEvalEveryNSteps == null)) {
      throw new UsageException(
          "%s without %s; set both or neither"
              .formatted(
                  evalTasks.isEmpty() ? "run_eval_every_n_steps" : "eval_tasks",
                  evalTasks.isEmpty() ? "eval_tasks" : "run_eval_every_n_steps"));
    }
    Evaluation.requireData(
        Evaluation.tasks(evalTasks, evalData, evalLimit, null, plugins), evalData);
  }

  /** Whether an evaluation is due after this step. */
  boolean due(long step) {
    return runEvalEveryNSteps != null && step % runEvalEveryNSteps == 0;
  }
}
