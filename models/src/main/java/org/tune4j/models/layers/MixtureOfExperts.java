package org.tune4j.models.layers;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
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
    Tensor weights = router.weights(scores, chosen);
    int k = router.chosen();
    // The places of tokens and choices, sorted by expert: each expert's are a stretch of them.
    int[] order =
        IntStream.range(0, chosen.length)
            .boxed()
            .sorted((a, b) -> Integer.compare(chosen[a], chosen[b]))
            .mapToInt(i -> i)
            .toArray();
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

  /** The experts with the highest scores of each token; of equal ones the first. */
  private int[] chosen(Tensor scores) {
    float[] values = scores.toFloats();
    int width = Math.toIntExact(scores.size(1));
    int[] all = new int[values.length / width * router.chosen()];
    for (int token = 0; token < values.length / width; token++) {
      int at = token * width;
      int[] best =
          IntStream.range(0, width)
              .boxed()
              .sorted((a, b) -> Float.compare(values[at + b], values[at + a]))
              .limit(router.chosen())
              .mapToInt(i -> i)
              .toArray();
      System.arraycopy(best, 0, all, token * router.chosen(), best.length);
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
