package org.tune4j.data;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.tune4j.InputException;

/** The rows of data files as they are, for what takes no tokens. */
public final class DataRows {
  private DataRows() {}

  /** Carries the end through the readers. */
  private static final class Enough extends RuntimeException {
    Enough() {
      super(null, null, false, false);
    }
  }

  /**
   * {@return a data file's rows in order, as training reads them}
   *
   * @param file or a glob; its ending names the format, which is JSON where it names none
   * @param limit rows at the most; 0 for all
   * @throws InputException when there is no such file, or a row cannot be read
   */
  public static List<DataRow> read(Path file, int limit) {
    List<DataRow> rows = new ArrayList<>();
    RowSink sink =
        new RowSink() {
          @Override
          public void row(DataRow row) {
            rows.add(row);
            if (rows.size() == limit) {
              throw new Enough();
            }
          }

          @Override
          public void bad(InputException why) {
            throw why;
          }
        };
    try {
      for (DataFiles.DataFile f : files(file)) {
        f.format().read(f.path(), sink);
      }
    } catch (Enough e) {
      return rows;
    }
    return rows;
  }

  /**
   * {@return whether there are files to read}
   *
   * @param file or a glob
   */
  public static boolean areThere(Path file) {
    try {
      return !files(file).isEmpty();
    } catch (InputException e) {
      return false;
    }
  }

  private static List<DataFiles.DataFile> files(Path file) {
    FileFormat format = FileFormat.byEnding(file) == null ? FileFormat.JSON : null;
    return new DataFiles("", format, List.of(file)).resolve();
  }
}
