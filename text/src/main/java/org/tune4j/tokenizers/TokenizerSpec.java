package org.tune4j.tokenizers;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;
import org.tune4j.UsageException;
import org.tune4j.component.AlsoCalled;
import org.tune4j.component.Component;
import org.tune4j.component.Doc;

/**
 * What a config's {@code tokenizer} section asks for.
 *
 * @param path {@code tokenizer.json}, {@code tokenizer.model} or their folder; null for the
 *     checkpoint's folder
 * @param maxSeqLen rows are truncated to this many tokens; null for no limit
 * @param model which model's {@code tokenizer.model} is read in torchtune's way where there is one;
 *     null for transformers' way
 * @param promptTemplate words around each message of a {@code tokenizer.model}; null for the
 *     model's own
 * @param chatTemplate a Jinja file for a {@code tokenizer.json}; null for the one beside it
 * @param addedTokens special tokens besides those of a {@code tokenizer.json}
 */
public record TokenizerSpec(
    @Nullable Path path,
    @Nullable Integer maxSeqLen,
    @Nullable Model model,
    @Nullable PromptTemplate promptTemplate,
    @Nullable Path chatTemplate,
    List<String> addedTokens) {
  /** Models whose {@code tokenizer.model} comes without a chat template. */
  public enum Model {
    /** Of Llama 2, with its chat prompt. */
    LLAMA2,
    /** Of Mistral, with its instruction prompt. */
    MISTRAL,
    /** Of Llama 3, with its headers. */
    LLAMA3,
    /** Of none: there are only ids. */
    NONE;

    private PromptTemplate promptTemplate() {
      return switch (this) {
        case LLAMA2 -> PromptTemplate.llama2Chat();
        case MISTRAL -> PromptTemplate.mistralChat();
        case LLAMA3, NONE -> PromptTemplate.none();
      };
    }
  }

  /**
   * Checks the limit and the tokens.
   *
   * @throws UsageException if {@code maxSeqLen} is below 2, or a token is empty or stands twice
   */
  public TokenizerSpec {
    addedTokens = List.copyOf(addedTokens);
    if (addedTokens.contains("") || Set.copyOf(addedTokens).size() < addedTokens.size()) {
      throw new UsageException(
          "added_tokens is %s, expected texts that differ".formatted(addedTokens));
    }
    if (maxSeqLen != null && maxSeqLen < 2) {
      throw new UsageException("max_seq_len is %d, expected 2 or more".formatted(maxSeqLen));
    }
  }

  /**
   * {@code tokenizer.json} with the chat template beside it.
   *
   * @param path of the file or its folder; null for the checkpoint's folder
   * @param maxSeqLen in tokens, 2 or more; null for no limit
   */
  public TokenizerSpec(@Nullable Path path, @Nullable Integer maxSeqLen) {
    this(path, maxSeqLen, null, null, null, List.of());
  }

  /**
   * {@return what a model's folder holds: {@link #huggingFace}, but {@link #llama2} for a {@code
   * tokenizer.model} without a chat template}
   *
   * @param place the folder, or the tokenizer's file
   */
  public static TokenizerSpec of(Path place) {
    Path file = found(place);
    try {
      boolean llama2 =
          isModel(file) && ChatTemplate.beside(file.resolveSibling("."), null).text().isEmpty();
      return llama2 ? llama2(place, null, null) : new TokenizerSpec(place, null);
    } catch (IOException e) {
      return new TokenizerSpec(place, null); // says what cannot be read when it is opened
    }
  }

  /**
   * {@return a {@code tokenizer.json}, or a Llama's {@code tokenizer.model} where that lies alone,
   * read as transformers does, with a chat template}
   *
   * @param path of the file or its folder; null for the checkpoint's folder
   * @param maxSeqLen rows are truncated to this many tokens, 2 or more; null for no limit
   * @param chatTemplate a Jinja file; null for the one beside {@code tokenizer.json}
   * @param addedTokens special tokens besides the file's; null for none
   */
  @Component("hf_tokenizer")
  public static TokenizerSpec huggingFace(
      @Doc(
              "tokenizer.json, a Llama tokenizer.model without one, or their folder;"
                  + " null for the checkpoint's folder")
          @Nullable Path path,
      @Doc("rows are truncated to this many tokens") @Nullable Integer maxSeqLen,
      @Doc("a Jinja file; null for the chat template beside the tokenizer")
          @Nullable Path chatTemplate,
      @Doc(
              "special tokens to add to the vocabulary; their rows of embedding and head begin as"
                  + " the mean of the others, and are trained")
          @AlsoCalled({
            "special_tokens",
            "add_special_tokens",
            "add_tokens",
            "new_tokens",
            "tokens"
          })
          @Nullable List<String> addedTokens) {
    return new TokenizerSpec(
        path, maxSeqLen, null, null, chatTemplate, addedTokens == null ? List.of() : addedTokens);
  }

  /**
   * {@return a {@code tokenizer.json}, as torchtune's configs name it; the config and template are
   * read from beside the file}
   *
   * @param tokenizerJsonPath of the file
   * @param tokenizerConfigJsonPath is not read
   * @param generationConfigPath is not read
   * @param maxSeqLen rows are truncated to this many tokens, 2 or more; null for no limit
   */
  @Component(
      value = "hf_model_tokenizer",
      aliases = {"torchtune.modules.transforms.tokenizers.HuggingFaceModelTokenizer"})
  public static TokenizerSpec torchtuneHuggingFace(
      @Doc("tokenizer.json") Path tokenizerJsonPath,
      @Doc("accepted for torchtune's configs; the one beside tokenizer.json is read")
          @Nullable Path tokenizerConfigJsonPath,
      @Doc("accepted for torchtune's configs; the one beside tokenizer.json is read")
          @Nullable Path generationConfigPath,
      @Doc("rows are truncated to this many tokens") @Nullable Integer maxSeqLen) {
    return new TokenizerSpec(tokenizerJsonPath, maxSeqLen);
  }

  /**
   * {@return the {@code tokenizer.json} beside the vocabulary that torchtune's configs name, with
   * the chat template there}
   *
   * @param path a file of the tokenizer's folder, or the folder; null for {@code vocabPath}
   * @param vocabPath the same, as Phi-4's configs name it; null for the checkpoint's folder
   * @param mergesFile is not read
   * @param mergesPath is not read
   * @param specialTokensPath is not read
   * @param maxSeqLen rows are truncated to this many tokens, 2 or more; null for no limit
   */
  @Component(
      value = "hf_tokenizer_beside",
      aliases = {
        "torchtune.models.gemma.gemma_tokenizer",
        "torchtune.models.gemma2.gemma_tokenizer",
        "torchtune.models.phi3.phi3_mini_tokenizer",
        "torchtune.models.phi4.phi4_tokenizer",
        "torchtune.models.qwen2.qwen2_tokenizer",
        "torchtune.models.qwen2_5.qwen2_5_tokenizer",
        "torchtune.models.qwen3.qwen3_tokenizer"
      })
  public static TokenizerSpec beside(
      @Doc("a file beside tokenizer.json, such as vocab.json, or the folder") @Nullable Path path,
      @Doc("the same; read where path is null") @Nullable Path vocabPath,
      @Doc("accepted for torchtune's configs; tokenizer.json has the merges")
          @Nullable Path mergesFile,
      @Doc("accepted for torchtune's configs; tokenizer.json has the merges")
          @Nullable Path mergesPath,
      @Doc("accepted for torchtune's configs; tokenizer.json has the special tokens")
          @Nullable Path specialTokensPath,
      @Doc("rows are truncated to this many tokens") @Nullable Integer maxSeqLen) {
    Path named = path == null ? vocabPath : path;
    return new TokenizerSpec(
        named != null && named.toString().matches(".*\\.(json|txt|model)")
            ? named.resolveSibling("tokenizer.json")
            : named,
        maxSeqLen);
  }

  /**
   * {@return Llama2's SentencePiece model, else {@code tokenizer.json}}
   *
   * @param path {@code tokenizer.model}, {@code tokenizer.json} or their folder; null for the
   *     checkpoint's folder
   * @param maxSeqLen rows are truncated to this many tokens, 2 or more; null for no limit
   * @param promptTemplate words around each message of a {@code tokenizer.model}; null for Llama2
   *     Chat's
   */
  @Component(
      value = "llama2_tokenizer",
      aliases = {"torchtune.models.llama2.llama2_tokenizer"})
  public static TokenizerSpec llama2(
      @Doc("tokenizer.model, tokenizer.json or their folder; null for the checkpoint's folder")
          @Nullable Path path,
      @Doc("rows are truncated to this many tokens") @Nullable Integer maxSeqLen,
      @Doc("text around each message; null for Llama2 Chat's")
          @Nullable PromptTemplate promptTemplate) {
    return new TokenizerSpec(path, maxSeqLen, Model.LLAMA2, promptTemplate, null, List.of());
  }

  /**
   * {@return Mistral's SentencePiece model, else {@code tokenizer.json}}
   *
   * @param path {@code tokenizer.model}, {@code tokenizer.json} or their folder; null for the
   *     checkpoint's folder
   * @param maxSeqLen rows are truncated to this many tokens, 2 or more; null for no limit
   * @param promptTemplate words around each message of a {@code tokenizer.model}; null for
   *     Mistral's
   */
  @Component(
      value = "mistral_tokenizer",
      aliases = {"torchtune.models.mistral.mistral_tokenizer"})
  public static TokenizerSpec mistral(
      @Doc("tokenizer.model, tokenizer.json or their folder; null for the checkpoint's folder")
          @Nullable Path path,
      @Doc("rows are truncated to this many tokens") @Nullable Integer maxSeqLen,
      @Doc("text around each message; null for Mistral's")
          @Nullable PromptTemplate promptTemplate) {
    return new TokenizerSpec(path, maxSeqLen, Model.MISTRAL, promptTemplate, null, List.of());
  }

  /**
   * {@return Llama3's tiktoken model, else {@code tokenizer.json}}
   *
   * @param path {@code tokenizer.model}, {@code tokenizer.json} or their folder; null for the
   *     checkpoint's folder
   * @param maxSeqLen rows are truncated to this many tokens, 2 or more; null for no limit
   * @param promptTemplate words around each message of a {@code tokenizer.model}; null for none
   */
  @Component(
      value = "llama3_tokenizer",
      aliases = {"torchtune.models.llama3.llama3_tokenizer"})
  public static TokenizerSpec llama3(
      @Doc("tokenizer.model, tokenizer.json or their folder; null for the checkpoint's folder")
          @Nullable Path path,
      @Doc("rows are truncated to this many tokens") @Nullable Integer maxSeqLen,
      @Doc("text around each message; null for none") @Nullable PromptTemplate promptTemplate) {
    return new TokenizerSpec(path, maxSeqLen, Model.LLAMA3, promptTemplate, null, List.of());
  }

  /**
   * {@return no tokenizer, for rows that are token ids already: ids decode to their numbers, and
   * text is refused}
   *
   * @param maxSeqLen rows are truncated to this many tokens, 2 or more; null for no limit
   */
  @Component("no_tokenizer")
  public static TokenizerSpec none(
      @Doc("rows are truncated to this many tokens") @Nullable Integer maxSeqLen) {
    return new TokenizerSpec(null, maxSeqLen, Model.NONE, null, null, List.of());
  }

  /** {@return whether there are only ids, and nothing that reads text} */
  public boolean isNone() {
    return model == Model.NONE;
  }

  /**
   * Reads the tokenizer. Of a folder with both files a model's own component reads {@code
   * tokenizer.model}, {@code hf_tokenizer} the other; where {@code tokenizer.model} lies alone,
   * {@code hf_tokenizer} reads it as transformers' {@code LlamaTokenizerFast} does.
   *
   * @param checkpointDir the folder that {@link #path} stands for where it is null
   * @return the tokenizer, to be closed by the caller
   * @throws InputException when a file is missing or broken, or belongs to another {@link #model}
   * @throws org.tune4j.EnvironmentException when the tokenizer's native library cannot be loaded
   */
  public Tokenizer open(Path checkpointDir) {
    if (isNone()) {
      return new NoTokenizer();
    }
    Path place = path == null ? checkpointDir : path;
    boolean hasJson = Files.exists(place.resolve("tokenizer.json"));
    if (place.toString().endsWith(".json")) {
      return openHuggingFace(place);
    }
    if (model == null) {
      return openHuggingFace(found(place));
    }
    Path file = place;
    if (Files.isDirectory(place)) {
      Path original = place.resolve("original").resolve("tokenizer.model");
      file = Files.exists(original) ? original : place.resolve("tokenizer.model");
    }
    if (!Files.isRegularFile(file)) {
      if (hasJson) {
        return openHuggingFace(place.resolve("tokenizer.json"));
      }
      throw new InputException(
          "tokenizer %s does not exist; copy the model's tokenizer.model or tokenizer.json there or set tokenizer.path"
              .formatted(file));
    }
    PromptTemplate template = promptTemplate == null ? model.promptTemplate() : promptTemplate;
    return isTiktoken(file)
        ? TiktokenFile.open(file, template, maxSeqLen)
        : SentencePieceFile.open(file, template, maxSeqLen);
  }

  /**
   * {@return what {@link #addedTokens} make of the tokenizer; empty where there are none}
   *
   * @param checkpointDir the folder that {@link #path} stands for where it is null
   * @throws InputException when the file is missing or broken
   */
  public Optional<NewTokens> newTokens(Path checkpointDir) {
    return addedTokens.isEmpty()
        ? Optional.empty()
        : Optional.of(
            HuggingFaceTokenizerFile.extended(
                found(path == null ? checkpointDir : path), addedTokens));
  }

  /** {@code tokenizer.json}, or {@code tokenizer.model} where that lies alone. */
  private static Path found(Path place) {
    Path json = place.resolve("tokenizer.json");
    Path alone = place.resolve("tokenizer.model");
    return isModel(place) ? place : isModel(alone) && !Files.exists(json) ? alone : json;
  }

  private static boolean isModel(Path file) {
    return SentencePieceModel.isName(file) && Files.isRegularFile(file);
  }

  private Tokenizer openHuggingFace(Path file) {
    if (promptTemplate != null) {
      throw new InputException(
          "tokenizer %s is a tokenizer.json, whose conversations take the form of its chat template; leave tokenizer.prompt_template out, or set tokenizer.path to the model's tokenizer.model"
              .formatted(file));
    }
    if (isModel(file)) {
      isTiktoken(file);
    }
    return HuggingFaceTokenizerFile.open(file, chatTemplate, addedTokens);
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
