package org.tune4j.tokenizers;

import java.util.List;
import java.util.Set;
import org.tune4j.InputException;

/** A model's tokenizer and the form of its conversations. Safe for several threads. */
public interface Tokenizer extends AutoCloseable {
  /**
   * Ids of a text, none added. {@code tokenizer.json} reads special tokens that are written out in
   * it as such; SentencePiece and tiktoken models read them as any other text.
   */
  int[] encode(String text);

  /**
   * Ids of a text that is no conversation, with the beginning-of-text token where the model has
   * one: for {@code tokenizer.json} what its post-processor adds.
   *
   * @param addEos whether the end-of-text token follows where it does not already
   */
  int[] encodeText(String text, boolean addEos);

  /**
   * Ids of a text that stands alone: with the tokens that the model expects around it, such as BOS.
   */
  default int[] encodeAlone(String text) {
    return encode(text);
  }

  /**
   * The text of ids, special tokens written out.
   *
   * @throws InputException when an id is outside the vocabulary
   */
  String decode(int[] ids);

  /**
   * The ids of a conversation. Trained are the text of each message that is not masked and the
   * token that ends its turn; never headers, system text or the line break after a turn.
   */
  TokenizedConversation tokenize(List<Message> messages);

  /**
   * A conversation as one text, in the model's form.
   *
   * @param addGenerationPrompt whether what begins the assistant's turn follows
   */
  String render(List<Message> messages, boolean addGenerationPrompt);

  /** The ids after which the model gives the assistant's next turn. */
  int[] prompt(List<Message> messages);

  /** The ids that end a generated turn; empty where the model's files name none. */
  Set<Integer> stopIds();

  /** One more than the largest id. */
  int vocabSize();

  /** Decodes ids one by one as they are generated. */
  default TokenStream stream() {
    return new TokenStream(this);
  }

  /** Changes wherever ids or masks may: a hash of the tokenizer's files and settings. */
  String fingerprint();

  @Override
  void close();
}
