package org.tune4j.data;

import org.tune4j.InputException;

/** Takes a file's rows, in order. */
interface RowSink {
  /** A row. */
  void row(DataRow row);

  /** A row that could not be read; reading goes on with the next unless this throws. */
  void bad(InputException why);
}
