package org.tune4j.models.layers;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Tensor;

/**
 * Experts of which each token goes through some (Shazeer et al. 2017). An expert computes all its
 * tokens at once.
 */
public final class MixtureOfExperts extends Mlp {
  private final Router router;
  private final Experts experts;

  /**
   * A mixture without storage.
   *
   * @param routerName of the router
   * @param router chooses
   * @param expertsName of the experts
   * @param experts to choose from
   */
  public MixtureOfExperts(String routerName, Router router, String expertsName, Experts experts) {
    this.router = add(routerName, router);
    this.experts = add(expertsName, experts);
  }

  @Override
  public Tensor forward(Pass pass, Tensor x) {
    Engine engine = pass.engine();
    Tensor in = pass.fork(x);
    Tensor scores = router.scores(pass, in);
    int[] chosen = chosen(scores);
    Tensor weights = router.weights(pass.balanced(scores, chosen), chosen);
    int k = router.chosen();
    // The places of tokens and choices, sorted by expert: each expert's are a stretch of them.
    int[] order = byExpert(chosen, Math.toIntExact(scores.size(1)));
    List<Tensor> outputs = new ArrayList<>();
    for (int from = 0; from < order.length; ) {
      int expert = chosen[order[from]];
      int to = from;
      while (to < order.length && chosen[order[to]] == expert) {
        to++;
      }
      int[] places = Arrays.copyOfRange(order, from, to);
      int[] tokens = Arrays.stream(places).map(i -> i / k).toArray();
      Tensor y = experts.forward(pass, expert, in.indexSelect(engine.indices(tokens)));
      outputs.add(y.mul(weights.indexSelect(engine.indices(places))));
      from = to;
    }
    int[] back = new int[order.length];
    for (int i = 0; i < order.length; i++) {
      back[order[i]] = i;
    }
    long dim = x.size(1);
    return Tensor.cat(outputs, 0)
        .indexSelect(engine.indices(back))
        .reshape(x.size(0), k, dim)
        .sum(1)
        .reshape(x.size(0), dim);
  }

  /** Where each expert was chosen, expert by expert. */
  private static int[] byExpert(int[] chosen, int experts) {
    int[] next = new int[experts + 1];
    for (int expert : chosen) {
      next[expert + 1]++;
    }
    for (int expert = 0; expert < experts; expert++) {
      next[expert + 1] += next[expert];
    }
    int[] order = new int[chosen.length];
    for (int i = 0; i < chosen.length; i++) {
      order[next[chosen[i]]++] = i;
    }
    return order;
  }

  /** The experts with the highest scores of each token; of equal ones the first. */
  private int[] chosen(Tensor scores) {
    float[] values = scores.toFloats();
    int width = Math.toIntExact(scores.size(1));
    int k = router.chosen();
    int[] all = new int[values.length / width * k];
    for (int i = 0; i < all.length; i++) {
      int at = i / k * width;
      int best = 0;
      for (int expert = 1; expert < width; expert++) {
        if (Float.compare(values[at + expert], values[at + best]) > 0) {
          best = expert;
        }
      }
      all[i] = best;
      values[at + best] = Float.NEGATIVE_INFINITY; // chosen once
    }
    return all;
  }

  /** None: what an expert multiplies depends on the tokens. */
  @Override
  public List<Product> products() {
    return List.of();
  }

  @Override
  public long keptPerToken() {
    return router.chosen() * experts.keptPerToken();
  }
}
