package org.tune4j.training;

import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.tune4j.collective.ProcessGroup;
import org.tune4j.data.DataCache;
import org.tune4j.data.Dataset;
import org.tune4j.data.DatasetReport;
import org.tune4j.data.Example;
import org.tune4j.models.Decoder;
import org.tune4j.models.RowFacts;
import org.tune4j.nn.MicroBatch;
import org.tune4j.nn.Objective;
import org.tune4j.nn.RowsAtHead;

/**
 * An objective of rows whose log-probabilities by the reference are known, so that no step computes
 * them.
 *
 * @param objective that needs them
 */
public record KnownReference(Objective objective) implements Objective {
  /** Rows that know them. */
  @SuppressWarnings("ArrayRecordComponent") // compared by no one
  private record Rows(Dataset rows, double[] reference) implements Dataset {
    @Override
    public int size() {
      return rows.size();
    }

    @Override
    public int rowsTogether() {
      return rows.rowsTogether();
    }

    @Override
    public Example get(int index) {
      Example e = rows.get(index);
      RowFacts facts = new RowFacts(e.facts().ratings(), new double[] {reference[index]});
      return new Example(e.tokens(), e.labels(), e.rowEnds(), facts);
    }

    @Override
    public String fingerprint() {
      return rows.fingerprint();
    }

    @Override
    public DatasetReport report() {
      return rows.report();
    }

    @Override
    public IntStream rowLengths() {
      return rows.rowLengths();
    }
  }

  /** Writes each row's log-probability to the place that its rating names. */
  @SuppressWarnings("ArrayRecordComponent") // compared by no one
  private record Into(int chunkTokens, double[] all) implements Objective {
    @Override
    public long count(long rows, long labelTokens) {
      return rows;
    }

    @Override
    public Sums evaluate(RowsAtHead rows) {
      double[] some = rows.logProbabilities();
      for (int i = 0; i < some.length; i++) {
        all[(int) rows.rating(i)] = some[i];
      }
      return Sums.ZERO;
    }
  }

  /** Computes the log-probabilities of rows where they are not cached; on all ranks. */
  public static final class Computing {
    private final ProcessGroup ranks;
    private final int threads;
    private final int rowsAtOnce;
    private final String reference;
    private final DataCache cache;

    /**
     * Of a run.
     *
     * @param ranks all of which ask the same
     * @param threads that divide the rows
     * @param rowsAtOnce rows of a pass
     * @param reference what tells the reference and how it computes from others
     * @param cache where they are kept with the rows
     */
    public Computing(
        ProcessGroup ranks, int threads, int rowsAtOnce, String reference, DataCache cache) {
      this.ranks = ranks;
      this.threads = threads;
      this.rowsAtOnce = rowsAtOnce;
      this.reference = reference;
      this.cache = cache;
    }

    private String key(Dataset rows) {
      return "reference 1 " + reference + " " + rows.fingerprint();
    }

    /**
     * {@return whether something is to be computed, the same on all ranks}
     *
     * @param data the rows
     */
    public boolean isNeeded(TrainingData data) {
      return ranks.any(
          List.of(data.train(), data.validation()).stream()
              .anyMatch(d -> cache.kept(key(d), d.size()).isEmpty()));
    }

    /**
     * Computes and keeps them.
     *
     * @param data the rows
     * @param decoder the reference, with weights
     * @param chunkTokens labels whose logits exist at once
     */
    public void compute(TrainingData data, Decoder decoder, int chunkTokens) {
      for (Dataset rows : List.of(data.train(), data.validation())) {
        double[] all = new double[rows.size()];
        Into into = new Into(chunkTokens, all);
        try (RowsOverThreads runner = RowsOverThreads.of(ranks, decoder, threads, into)) {
          int every = rowsAtOnce * ranks.worldSize();
          for (int from = rowsAtOnce * ranks.rank(); from < all.length; from += every) {
            Objective.Sums unused =
                runner.evaluate(
                    IntStream.range(from, Math.min(all.length, from + rowsAtOnce))
                        .mapToObj(i -> numbered(rows.get(i), i))
                        .toList());
          }
        }
        double[] sums = all.length == 0 ? all : ranks.sums(all);
        if (ranks.rank() == 0 || !ranks.oneProcess()) {
          cache.keep(key(rows), sums);
        }
      }
      ranks.barrier();
    }

    private static Example numbered(Example e, int number) {
      return Example.rated(e.tokens(), e.labels(), number);
    }

    /**
     * {@return the same rows, which know them}
     *
     * @param data whose log-probabilities are cached
     */
    public TrainingData known(TrainingData data) {
      return new TrainingData(known(data.train()), known(data.validation()));
    }

    private Dataset known(Dataset rows) {
      return new Rows(rows, cache.kept(key(rows), rows.size()).orElseThrow());
    }
  }

  @Override
  public int chunkTokens() {
    return objective.chunkTokens();
  }

  @Override
  public int rowsTogether() {
    return objective.rowsTogether();
  }

  @Override
  public Rating rating() {
    return objective.rating();
  }

  @Override
  public boolean needsPrompt(int row) {
    return objective.needsPrompt(row);
  }

  @Override
  public List<String> metrics() {
    return objective.metrics();
  }

  @Override
  public Map<String, Double> means(Map<String, Double> sums, long count) {
    return objective.means(sums, count);
  }

  @Override
  public long count(long rows, long labelTokens) {
    return objective.count(rows, labelTokens);
  }

  @Override
  public Objective of(MicroBatch batch) {
    return new KnownReference(objective.of(batch));
  }

  @Override
  public Sums evaluate(RowsAtHead rows) {
    return objective.evaluate(rows);
  }
}
