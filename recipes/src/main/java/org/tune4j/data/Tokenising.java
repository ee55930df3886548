package org.tune4j.data;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tune4j.InputException;
import org.tune4j.tokenizers.Tokenizer;

/**
 * From files to stored rows, a few rows at a time: what is read does not stay in memory. Rows are
 * tokenised on all cores and stored in the files' order.
 *
 * @param maxSeqLen rows are truncated to this many tokens
 */
record Tokenising(RowsEncoder encoder, Tokenizer tokenizer, int maxSeqLen, OnBadRow onBadRow) {
  private static final Logger LOG = LoggerFactory.getLogger(Tokenising.class);
  private static final int CHUNK = 64;
  private static final long SAY_AFTER = 10_000_000_000L;

  /**
   * A hash of all that the stored rows depend on: the files' content, the tokenizer's files, the
   * settings, and the program itself.
   *
   * @throws InputException when a file cannot be read
   */
  String key(List<DataFiles.DataFile> files) {
    Fingerprint key =
        Fingerprint.start()
            .text(RowStore.FORMAT)
            .text(encoder.settings())
            .code(encoder.getClass())
            .text(tokenizer.fingerprint())
            .code(tokenizer.getClass())
            .text(maxSeqLen + " " + onBadRow);
    for (DataFiles.DataFile f : files) {
      key.text(f.format().name()).file(f.path());
    }
    return key.end();
  }

  /** Reads, checks, tokenises and stores all rows. */
  void write(List<DataFiles.DataFile> files, RowStore.Writer out) throws IOException {
    Chunks chunks = new Chunks(out);
    for (DataFiles.DataFile f : files) {
      long before = chunks.rows;
      try {
        f.format().read(f.path(), chunks);
      } catch (CannotStore e) {
        throw e.why;
      }
      if (chunks.rows == before) {
        throw new InputException(
            "data file %s holds no rows; expected at least one".formatted(f.path()));
      }
    }
    chunks.flush();
  }

  /** Carries a full disk through the readers. */
  private static final class CannotStore extends RuntimeException {
    private final IOException why;

    CannotStore(IOException why) {
      super(why);
      this.why = why;
    }
  }

  /** A row's rows and what the user should know of it, or why there are none. */
  private record Outcome(
      List<RowsEncoder.Rated> rows, Set<String> notes, @Nullable InputException bad) {}

  private final class Chunks implements RowSink {
    private final RowStore.Writer out;
    private final List<DataRow> waiting = new ArrayList<>();
    private final long started = System.nanoTime();
    private long said = started;
    private long rows;

    Chunks(RowStore.Writer out) {
      this.out = out;
    }

    @Override
    public void row(DataRow row) {
      rows++;
      waiting.add(row);
      if (waiting.size() == CHUNK) {
        try {
          flush();
        } catch (IOException e) {
          throw new CannotStore(e);
        }
      }
    }

    @Override
    public void bad(InputException why) {
      rows++;
      try {
        // Rows before it come first, and so do their errors.
        flush();
      } catch (IOException e) {
        throw new CannotStore(e);
      }
      skip(why);
    }

    void flush() throws IOException {
      List<Outcome> outcomes = waiting.parallelStream().map(Tokenising.this::encode).toList();
      waiting.clear();
      for (Outcome o : outcomes) {
        for (RowsEncoder.Rated row : o.rows) {
          out.add(row, maxSeqLen);
        }
        out.note(o.notes);
        if (o.bad != null) {
          skip(o.bad);
        }
      }
      long now = System.nanoTime();
      if (now - said > SAY_AFTER) {
        said = now;
        LOG.info("tokenised {} rows, {} a second", rows, (long) (rows / ((now - started) * 1e-9)));
      }
    }

    private void skip(InputException why) {
      if (onBadRow == OnBadRow.STOP) {
        throw why;
      }
      out.skip(String.valueOf(why.getMessage()));
    }
  }

  private Outcome encode(DataRow row) {
    try {
      List<RowsEncoder.Rated> rows = encoder.rows(row, tokenizer, maxSeqLen);
      Set<String> notes = new LinkedHashSet<>();
      for (RowsEncoder.Rated one : rows) {
        if (one.tokens().tokens().length == 0) {
          throw row.wrong(row.place(), "is empty, expected text that gives tokens");
        }
        notes.addAll(one.tokens().notes());
      }
      row.unread().forEach(what -> notes.add(what + ", which nothing reads"));
      return new Outcome(rows, notes, null);
    } catch (InputException e) {
      // The tokenizer's errors do not know the row.
      boolean placed = String.valueOf(e.getMessage()).startsWith(row.file().toString());
      return new Outcome(
          List.of(), Set.of(), placed ? e : row.wrong(row.place(), String.valueOf(e.getMessage())));
    }
  }
}
