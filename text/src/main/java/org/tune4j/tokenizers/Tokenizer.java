package org.tune4j.tokenizers;

import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import org.tune4j.InputException;

/** A model's tokenizer and the form of its conversations. Safe for several threads. */
public interface Tokenizer extends AutoCloseable {
  /**
   * Ids of a text, none added. {@code tokenizer.json} reads special tokens that are written out in
   * it as such; SentencePiece and tiktoken models read them as any other text.
   *
   * @param text may be empty
   * @return as many ids as the text needs; never cut
   * @throws InputException when the text cannot be encoded
   */
  int[] encode(String text);

  /**
   * Ids of a text that is no conversation, with the beginning-of-text token where the model has
   * one: for {@code tokenizer.json} what its post-processor adds.
   *
   * @param text may be empty
   * @param addEos whether the end-of-text token follows where it does not already
   * @return never cut
   * @throws InputException when {@code addEos} asks for a token that the files do not name
   */
  int[] encodeText(String text, boolean addEos);

  /**
   * {@return the ids of a text that stands alone: with the tokens that the model expects around it,
   * such as BOS}
   *
   * @param text may be empty
   */
  default int[] encodeAlone(String text) {
    return encode(text);
  }

  /**
   * {@return the text of ids, special tokens written out; U+FFFD for bytes that are no character}
   *
   * @param ids may be empty
   * @throws InputException when an id is outside the vocabulary
   */
  String decode(int[] ids);

  /**
   * The ids of a conversation. With a {@code tokenizer.json} each message that is not masked is
   * trained on from its first character to the token that ends its turn, with every token that
   * overlaps them; headers, system text and the line break after a turn never are. Where the chat
   * template has {@code generation} tags, what they print is trained on instead, but in masked
   * turns. SentencePiece and tiktoken models mask whole turns, header and words around the text
   * included, as torchtune does.
   *
   * @param conversation whose fields reach the chat template as they are
   * @return the ids, cut only by SentencePiece and tiktoken models that have a {@code max_seq_len}
   * @throws InputException when there is no chat template, it refuses the conversation or does not
   *     render a turn that is trained on, or a prompt template has no place for a role or for tools
   */
  TokenizedConversation tokenize(Conversation conversation);

  /**
   * {@return the ids of a conversation without tools}
   *
   * @param messages in their order
   * @throws InputException as {@link #tokenize(Conversation)} does
   */
  default TokenizedConversation tokenize(List<Message> messages) {
    return tokenize(new Conversation(messages));
  }

  /**
   * {@return a conversation as one text, in the model's form}
   *
   * @param messages in their order
   * @param addGenerationPrompt whether what begins the assistant's turn follows, where the form has
   *     that
   * @throws InputException when there is no chat template, or it refuses the messages
   */
  String render(List<Message> messages, boolean addGenerationPrompt);

  /**
   * {@return the ids after which the model gives the assistant's next turn}
   *
   * @param messages in their order; never cut
   * @throws InputException when there is no chat template, or it refuses the messages
   */
  int[] prompt(List<Message> messages);

  /**
   * {@return the token that begins a text ({@code bos_token}), whether or not {@link #encodeText}
   * puts it there; empty where the model's files name none}
   */
  OptionalInt bosId();

  /**
   * {@return the token that ends a text ({@code eos_token}, else {@code generation_config.json}'s
   * first {@code eos_token_id}); empty where the model's files name none}
   */
  OptionalInt eosId();

  /** {@return the ids that end a generated turn; empty where the model's files name none} */
  Set<Integer> stopIds();

  /** {@return one more than the largest id} */
  int vocabSize();

  /** {@return what decodes ids one by one as they are generated; one for each text} */
  default TokenStream stream() {
    return new TokenStream(this);
  }

  /**
   * {@return what changes wherever ids or masks may: a hash of the tokenizer's files and settings}
   */
  String fingerprint();

  /** Frees what the tokenizer holds outside the heap. Nothing may be asked of it any more. */
  @Override
  void close();
}
