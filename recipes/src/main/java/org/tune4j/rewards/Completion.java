package org.tune4j.rewards;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.tune4j.data.Prompt;
import org.tune4j.tokenizers.Message;

/**
 * An answer that was sampled.
 *
 * @param asked the prompt and the columns of its row
 * @param text the answer, without the token that ends it
 * @param finished whether the model ended it, else it was cut at {@code max_new_tokens}
 */
public record Completion(Prompt asked, String text, boolean finished) {
  /** {@return the text of the prompt's last turn} */
  public String prompt() {
    List<Message> messages = asked.messages();
    return messages.get(messages.size() - 1).content();
  }

  /** {@return the row's values by their columns' names, such as a right answer} */
  public Map<String, @Nullable Object> columns() {
    return asked.columns();
  }
}
