package org.tune4j.training;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.tune4j.data.DatasetSpec;
import org.tune4j.data.Example;
import org.tune4j.tokenizers.Tokenizer;
import org.tune4j.tokenizers.TokenizerSpec;

/**
 * The rows of a run, tokenised.
 *
 * @param validation empty where there are none
 */
public record TrainingData(List<Example> train, List<Example> validation) {
  /** Reads and checks all rows. */
  public static TrainingData read(
      TokenizerSpec tokenizer,
      Path modelFolder,
      DatasetSpec train,
      @Nullable DatasetSpec validation) {
    Integer limit = tokenizer.maxSeqLen();
    int maxSeqLen = limit == null ? Integer.MAX_VALUE : limit;
    try (Tokenizer tokens = tokenizer.open(modelFolder)) {
      return new TrainingData(
          train.open(tokens, maxSeqLen),
          validation == null ? List.of() : validation.open(tokens, maxSeqLen));
    }
  }

  /** Changes with every token and label. */
  public String fingerprint() {
    MessageDigest digest;
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
    for (List<Example> rows : List.of(train, validation)) {
      for (Example e : rows) {
        ByteBuffer bytes = ByteBuffer.allocate(8 * e.tokens().length + 4);
        bytes.putInt(e.tokens().length);
        for (int i = 0; i < e.tokens().length; i++) {
          bytes.putInt(e.tokens()[i]).putInt(e.labels()[i]);
        }
        digest.update(bytes.flip());
      }
    }
    return HexFormat.of().formatHex(digest.digest());
  }
}
