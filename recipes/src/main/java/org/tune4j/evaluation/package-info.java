/**
 * Scoring of models: tasks as lm-evaluation-harness defines them (Gao et al. 2021), over local data
 * files. Start at {@link org.tune4j.evaluation.EvaluationTask}; {@link
 * org.tune4j.evaluation.LogLikelihoods} is what asks the model.
 */
@NullMarked
package org.tune4j.evaluation;

import org.jspecify.annotations.NullMarked;
