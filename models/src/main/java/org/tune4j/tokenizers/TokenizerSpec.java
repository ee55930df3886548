package org.tune4j.tokenizers;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;
import org.tune4j.UsageException;
import org.tune4j.component.Component;
import org.tune4j.component.Doc;

/**
 * What a config's {@code tokenizer} section asks for.
 *
 * @param path {@code tokenizer.json}, {@code tokenizer.model} or their folder; null for the
 *     checkpoint's folder
 * @param maxSeqLen rows are cut to this many tokens; null for no limit
 * @param model which model's {@code tokenizer.model} may be read; null for {@code tokenizer.json}
 * @param promptTemplate words around each message of a {@code tokenizer.model}
 */
public record TokenizerSpec(
    @Nullable Path path,
    @Nullable Integer maxSeqLen,
    @Nullable Model model,
    PromptTemplate promptTemplate) {
  /** Models whose {@code tokenizer.model} comes without a chat template. */
  public enum Model {
    LLAMA2,
    LLAMA3
  }

  /** Checks the limit. */
  public TokenizerSpec {
    if (maxSeqLen != null && maxSeqLen < 2) {
      throw new UsageException("max_seq_len is %d, expected 2 or more".formatted(maxSeqLen));
    }
  }

  @Component("hf_tokenizer")
  public TokenizerSpec(
      @Doc("tokenizer.json or its folder; the checkpoint's folder where it is not given")
          @Nullable Path path,
      @Doc("rows are cut to this many tokens") @Nullable Integer maxSeqLen) {
    this(path, maxSeqLen, null, PromptTemplate.none());
  }

  /** As torchtune's configs name it; the config and template are read from beside the file. */
  @Component(
      value = "hf_model_tokenizer",
      aliases = {"torchtune.modules.transforms.tokenizers.HuggingFaceModelTokenizer"})
  public static TokenizerSpec huggingFace(
      @Doc("tokenizer.json") Path tokenizerJsonPath,
      @Doc("accepted from torchtune's configs; the one beside tokenizer.json is read")
          @Nullable Path tokenizerConfigJsonPath,
      @Doc("accepted from torchtune's configs; the one beside tokenizer.json is read")
          @Nullable Path generationConfigPath,
      @Doc("rows are cut to this many tokens") @Nullable Integer maxSeqLen) {
    return new TokenizerSpec(tokenizerJsonPath, maxSeqLen);
  }

  /** Llama2's SentencePiece model; {@code tokenizer.json} where the path is one. */
  @Component(
      value = "llama2_tokenizer",
      aliases = {"torchtune.models.llama2.llama2_tokenizer"})
  public static TokenizerSpec llama2(
      @Doc("tokenizer.model or its folder; the checkpoint's folder where it is not given")
          @Nullable Path path,
      @Doc("rows are cut to this many tokens") @Nullable Integer maxSeqLen,
      @Doc("words around each message; Llama2 Chat's where it is not given")
          @Nullable PromptTemplate promptTemplate) {
    return new TokenizerSpec(
        path,
        maxSeqLen,
        Model.LLAMA2,
        promptTemplate == null ? PromptTemplate.llama2Chat() : promptTemplate);
  }

  /** Mistral's SentencePiece model. */
  @Component(
      value = "mistral_tokenizer",
      aliases = {"torchtune.models.mistral.mistral_tokenizer"})
  public static TokenizerSpec mistral(
      @Doc("tokenizer.model or its folder; the checkpoint's folder where it is not given")
          @Nullable Path path,
      @Doc("rows are cut to this many tokens") @Nullable Integer maxSeqLen,
      @Doc("words around each message; Mistral's where it is not given")
          @Nullable PromptTemplate promptTemplate) {
    return new TokenizerSpec(
        path,
        maxSeqLen,
        Model.LLAMA2,
        promptTemplate == null ? PromptTemplate.mistralChat() : promptTemplate);
  }

  /** Llama3's tiktoken model; {@code tokenizer.json} where the path is one. */
  @Component(
      value = "llama3_tokenizer",
      aliases = {"torchtune.models.llama3.llama3_tokenizer"})
  public static TokenizerSpec llama3(
      @Doc("tokenizer.model or its folder; the checkpoint's folder where it is not given")
          @Nullable Path path,
      @Doc("rows are cut to this many tokens") @Nullable Integer maxSeqLen,
      @Doc("words around each message; none where it is not given")
          @Nullable PromptTemplate promptTemplate) {
    return new TokenizerSpec(
        path,
        maxSeqLen,
        Model.LLAMA3,
        promptTemplate == null ? PromptTemplate.none() : promptTemplate);
  }

  /**
   * Reads the tokenizer.
   *
   * @throws InputException when a file is missing or broken
   */
  public Tokenizer open(Path checkpointDir) {
    Path place = path == null ? checkpointDir : path;
    Path json = place.resolve("tokenizer.json");
    if (model == null || place.toString().endsWith(".json")) {
      Path other = place.resolve("tokenizer.model");
      if (Files.isRegularFile(other) && !Files.exists(json)) {
        throw new InputException(
            "%s has no tokenizer.json, but a tokenizer.model; set tokenizer._component_=llama2_tokenizer or llama3_tokenizer"
                .formatted(place));
      }
      return HuggingFaceTokenizerFile.open(place);
    }
    Path file = place;
    if (Files.isDirectory(place)) {
      Path original = place.resolve("original").resolve("tokenizer.model");
      file = Files.exists(original) ? original : place.resolve("tokenizer.model");
    }
    if (!Files.isRegularFile(file)) {
      throw new InputException(
          Files.exists(json)
              ? "tokenizer %s does not exist; to use the folder's tokenizer.json set tokenizer._component_=hf_tokenizer"
                  .formatted(file)
              : "tokenizer %s does not exist; copy the model's tokenizer.model there or set tokenizer.path"
                  .formatted(file));
    }
    return isTiktoken(file)
        ? TiktokenFile.open(file, promptTemplate, maxSeqLen)
        : SentencePieceFile.open(file, promptTemplate, maxSeqLen);
  }

  /** Lines of base 64, where SentencePiece's protocol buffer begins with a field's tag. */
  private boolean isTiktoken(Path file) {
    try (InputStream in = Files.newInputStream(file)) {
      boolean tiktoken = in.read() >= ' ';
      if (tiktoken != (model == Model.LLAMA3)) {
        throw new InputException(
            "tokenizer %s is %s; set tokenizer._component_=%s"
                .formatted(
                    file,
                    tiktoken
                        ? "a tiktoken model, as Llama3's"
                        : "a SentencePiece model, as Llama2's",
                    tiktoken ? "llama3_tokenizer" : "llama2_tokenizer"));
      }
      return tiktoken;
    } catch (IOException e) {
      throw new InputException(
          "tokenizer %s cannot be read: %s".formatted(file, e.getMessage()), e);
    }
  }
}
