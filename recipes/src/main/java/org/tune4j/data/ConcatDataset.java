package org.tune4j.data;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
import org.tune4j.component.Component;
import org.tune4j.component.Doc;
import org.tune4j.component.Requirements;
import org.tune4j.tokenizers.Tokenizer;

/**
 * Several data sets as one. A config may also write their sections as a list where one section is
 * expected.
 *
 * @param datasets at least one
 * @param weights null for one after the other; else how often examples of each are taken, in
 *     proportion, each example at least once an epoch
 */
public record ConcatDataset(List<DatasetSpec> datasets, @Nullable List<Double> weights)
    implements DatasetSpec {
  /**
   * Checks the weights and copies both lists.
   *
   * @param datasets at least one
   * @param weights null, or a number above 0 for each data set
   * @throws org.tune4j.UsageException when there is no data set, or the weights are no such numbers
   */
  @Component(
      value = "concat_dataset",
      aliases = {"mixed_dataset", "torchtune.datasets.ConcatDataset"})
  public ConcatDataset(
      @Doc("data set sections") List<DatasetSpec> datasets,
      @Doc("proportions of the data sets; null for one after the other")
          @Nullable List<Double> weights) {
    this.datasets = List.copyOf(datasets);
    this.weights = weights == null ? null : List.copyOf(weights);
    List<Double> given = weights == null ? List.of() : weights;
    new Requirements()
        .that(!datasets.isEmpty(), "datasets is empty, expected a list of data set sections")
        .that(
            weights == null || given.size() == datasets.size(),
            "weights has %d numbers, expected one for each of the %d data sets"
                .formatted(given.size(), datasets.size()))
        .that(
            given.stream().allMatch(w -> w > 0),
            "weights is %s, expected numbers above 0".formatted(given))
        .check();
  }

  @Override
  public boolean needsTokenizer() {
    return datasets.stream().anyMatch(DatasetSpec::needsTokenizer);
  }

  @Override
  public List<String> labels() {
    List<List<String>> all = datasets.stream().map(DatasetSpec::labels).distinct().toList();
    if (all.size() > 1) {
      throw new UsageException(
          "the data sets have the labels %s, expected the same of all".formatted(all));
    }
    return all.get(0);
  }

  @Override
  public Dataset open(Tokenizer tokenizer, int maxSeqLen, DataCache cache) {
    List<Dataset> opened = new ArrayList<>();
    for (DatasetSpec d : datasets) {
      opened.add(d.open(tokenizer, maxSeqLen, cache));
    }
    return opened.size() == 1 ? opened.get(0) : MixedDataset.of(opened, weights);
  }
}
