package org.tune4j.data;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.tune4j.tokenizers.Message;

/**
 * What a model is asked, and what its row says besides.
 *
 * @param tokens ids after which the answer comes
 * @param messages the turns, of which the last one is to be answered
 * @param columns the row's values by their columns' names, the prompt's among them: texts, numbers,
 *     booleans, lists and maps of these, or null
 */
@SuppressWarnings("ArrayRecordComponent") // handed on, never compared
public record Prompt(int[] tokens, List<Message> messages, Map<String, @Nullable Object> columns) {
  /** Copies messages and columns. */
  public Prompt {
    messages = List.copyOf(messages);
    columns = Collections.unmodifiableMap(new LinkedHashMap<>(columns));
  }
}
