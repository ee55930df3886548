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
 * @param evalLimit rows of each task at the most; 0 for all
 * @param runEvalEveryNSteps updates between two evaluations; null where there are no tasks
 * @param plugins tasks that are not built in; no key
 */
public record EvaluationOptions(
    @Doc("truthfulqa_mc2, truthfulqa_mc1, perplexity, YAML files of your own or tasks of plugins")
        @Default("[]")
        List<String> evalTasks,
    @Doc("the tasks' rows; null where each task names its own file") @Nullable Path evalData,
    @Doc("rows of each task at the most; 0 for all") @Default("0") int evalLimit,
    @Doc("updates between two evaluations") @Nullable Integer runEvalEveryNSteps,
    ByName<EvaluationTask> plugins) {
  /**
   * Checks that there are tasks exactly where there is a time for them, that each is known and has
   * data.
   *
   * @param evalTasks is copied; each must be known
   * @param evalData must be there; null where each task names its own file
   * @param evalLimit 0 or more
   * @param runEvalEveryNSteps null, or 1 or more
   * @param plugins tasks that are not built in
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
    Evaluation.tasks(evalTasks, evalData, evalLimit, null, plugins);
  }

  /** Whether an evaluation is due after this step. */
  boolean due(long step) {
    return runEvalEveryNSteps != null && step % runEvalEveryNSteps == 0;
  }
}
