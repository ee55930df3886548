package org.tune4j.data;

import java.util.List;
import java.util.Optional;
import org.tune4j.UsageException;
import org.tune4j.component.Incomplete;
import org.tune4j.tokenizers.Tokenizer;

/**
 * Rows of files.
 *
 * @param packed rows laid end to end, up to {@code tokenizer.max_seq_len} tokens an example
 * @param splitAcrossPack a row that does not fit a pack goes on in the next, else it begins the
 *     next
 */
record FileDataset(
    RowsEncoder encoder,
    DataFiles files,
    Split split,
    boolean packed,
    boolean splitAcrossPack,
    OnBadRow onBadRow)
    implements DatasetSpec, Incomplete {
  @Override
  public Optional<String> missing() {
    return files.missing();
  }

  @Override
  public List<String> labels() {
    return encoder.labels();
  }

  @Override
  public boolean needsTokenizer() {
    return encoder.needsTokenizer();
  }

  @Override
  public Dataset open(Tokenizer tokenizer, int maxSeqLen, DataCache cache) {
    int together = encoder.rowsTogether();
    if (packed && !encoder.packs()) {
      throw new UsageException(
          "dataset.packed=true is not for rated answers and labelled texts; set it to false: the rows of a micro-batch lie end to end without padding anyway");
    }
    if (packed && maxSeqLen == Integer.MAX_VALUE) {
      throw new UsageException(
          "dataset.packed=true needs tokenizer.max_seq_len, the length of a pack");
    }
    int cut = packed && splitAcrossPack ? Integer.MAX_VALUE : maxSeqLen;
    List<DataFiles.DataFile> found = files.resolve();
    Tokenising tokenising = new Tokenising(encoder, tokenizer, cut, onBadRow);
    String key = tokenising.key(found);
    RowStore rows = cache.rows(key, out -> tokenising.write(found, out));
    Split.Range part = split.of(rows.size() / together);
    return packed
        ? StoredDataset.packed(rows, part, maxSeqLen, splitAcrossPack)
        : StoredDataset.rows(rows, part.times(together), together);
  }
}
