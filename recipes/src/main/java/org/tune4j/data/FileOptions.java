package org.tune4j.data;

import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;

/**
 * Keys of every data set that is read from files.
 *
 * @param dataFiles files, or globs in which {@code **} stands for any folders; null or empty where
 *     the config leaves them to the command line: opening the data set refuses it
 * @param packed whether rows are laid end to end, up to {@code tokenizer.max_seq_len} tokens an
 *     example
 * @param splitAcrossPack whether a packed row may go on in the next pack; null for the data set's
 *     own way
 * @param split a slice of the rows, such as {@code train[:90%]} or {@code train[10:20]}
 * @param onBadRow what to do about a row that cannot be used
 */
public record FileOptions(
    @Doc("local files, or globs such as data/*.jsonl") @Nullable List<Path> dataFiles,
    @Doc("pack rows into sequences of up to tokenizer.max_seq_len tokens") @Default("false")
        boolean packed,
    @Doc("continue a row in the next pack; null for text_completion_dataset only")
        @Nullable Boolean splitAcrossPack,
    @Doc("a slice of the rows, such as train[:90%]") @Default("train") String split,
    @Doc("stop at a bad row, or skip and count it") @Default("stop") OnBadRow onBadRow) {
  /**
   * Checks the slice.
   *
   * @throws org.tune4j.UsageException if {@code split} is not a slice
   */
  public FileOptions {
    Split.parse(split);
  }

  /**
   * Rows of these files.
   *
   * @param source as {@link DataFiles#of} has it
   */
  DatasetSpec dataset(RowsEncoder encoder, String source, boolean splitsByDefault) {
    return new FileDataset(
        encoder,
        DataFiles.of(source, dataFiles),
        Split.parse(split),
        packed,
        splitAcrossPack == null ? splitsByDefault : splitAcrossPack,
        onBadRow);
  }
}
