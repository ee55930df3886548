package org.tune4j.tokenizers;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
import org.tune4j.component.Component;
import org.tune4j.component.Doc;

/**
 * What a config's {@code tokenizer} section asks for.
 *
 * @param path {@code tokenizer.json} or its folder; null for the checkpoint's folder
 * @param maxSeqLen rows are cut to this many tokens; null for no limit
 */
public record TokenizerSpec(@Nullable Path path, @Nullable Integer maxSeqLen) {
  @Component(
      value = "hf_tokenizer",
      aliases = {
        "torchtune.modules.transforms.tokenizers.HuggingFaceModelTokenizer",
        "torchtune.models.llama3.llama3_tokenizer"
      })
  public TokenizerSpec(
      @Doc("tokenizer.json or its folder; the checkpoint's folder where it is not given")
          @Nullable Path path,
      @Doc("rows are cut to this many tokens") @Nullable Integer maxSeqLen) {
    if (maxSeqLen != null && maxSeqLen < 2) {
      throw new UsageException("max_seq_len is %d, expected 2 or more".formatted(maxSeqLen));
    }
    this.path = path;
    this.maxSeqLen = maxSeqLen;
  }

  /**
   * Reads the tokenizer.
   *
   * @throws org.tune4j.InputException when a file is missing or broken
   */
  public Tokenizer open(Path checkpointDir) {
    return HuggingFaceTokenizerFile.open(path == null ? checkpointDir : path);
  }
}
