package org.tune4j.data;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** Examples in memory. */
record ListedDataset(List<Example> examples) implements Dataset {
  @Override
  public int size() {
    return examples.size();
  }

  @Override
  public Example get(int index) {
    return examples.get(index);
  }

  @Override
  public String fingerprint() {
    Fingerprint print = Fingerprint.start();
    for (Example e : examples) {
      print
          .text(Arrays.toString(e.tokens()))
          .text(Arrays.toString(e.labels()))
          .text(Arrays.toString(e.rowEnds()));
    }
    return print.end();
  }

  @Override
  public DatasetReport report() {
    return new DatasetReport(
        examples.stream().mapToLong(e -> e.rowEnds().length).sum(),
        examples.size(),
        0,
        0,
        List.of(),
        examples.stream().filter(e -> e.labelCount() == 0).count(),
        examples.stream().mapToLong(e -> e.tokens().length).sum(),
        examples.stream().mapToLong(Example::labelCount).sum(),
        0,
        Map.of());
  }

  @Override
  public IntStream rowLengths() {
    return examples.stream()
        .flatMapToInt(
            e -> {
              int[] ends = e.rowEnds();
              return IntStream.range(0, ends.length).map(i -> ends[i] - (i == 0 ? 0 : ends[i - 1]));
            });
  }
}
