package org.tune4j.data;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;
import org.tune4j.UsageException;
import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.tokenizers.Message;
import org.tune4j.tokenizers.Tokenizer;

/**
 * Rows of {@code instruction}, {@code input} and {@code output} (Taori et al. 2023), each a turn of
 * the user in Alpaca's words and a turn of the assistant.
 *
 * @param columnMap another name for a column, by its usual one
 */
public record AlpacaDataset(
    List<Path> dataFiles, boolean trainOnInput, boolean packed, Map<String, String> columnMap)
    implements DatasetSpec {
  private static final Set<String> COLUMNS = Set.of("instruction", "input", "output");

  @Component(
      value = "alpaca_dataset",
      aliases = {"torchtune.datasets.alpaca_dataset"})
  public AlpacaDataset(
      @Doc("JSON or JSONL files on this machine") List<Path> dataFiles,
      @Doc("train on the user's turn too") @Default("true") boolean trainOnInput,
      @Doc("several rows laid end to end up to tokenizer.max_seq_len") @Default("false")
          boolean packed,
      @Doc("another name for a column, by its usual one") @Nullable Map<String, String> columnMap) {
    this.dataFiles = List.copyOf(dataFiles);
    this.trainOnInput = trainOnInput;
    this.packed = packed;
    this.columnMap = columnMap == null ? Map.of() : Map.copyOf(columnMap);
    if (dataFiles.isEmpty()) {
      throw new UsageException("dataset.data_files is empty, expected a JSON or JSONL file");
    }
    if (packed) {
      throw new UsageException("dataset.packed=true is not supported yet; set it to false");
    }
    for (String column : this.columnMap.keySet()) {
      if (!COLUMNS.contains(column)) {
        throw new UsageException(
            "dataset.column_map: '%s' is no column of Alpaca; accepted are instruction, input, output"
                .formatted(column));
      }
    }
  }

  @Override
  public List<Example> open(Tokenizer tokenizer, int maxSeqLen) {
    List<Example> examples = new ArrayList<>();
    for (Path file : dataFiles) {
      int n = 0;
      for (JsonNode row : JsonRows.read(file)) {
        examples.add(Example.of(tokenizer.tokenize(messages(file, ++n, row)), maxSeqLen));
      }
    }
    return examples;
  }

  private List<Message> messages(Path file, int n, JsonNode row) {
    String instruction = column(file, n, row, "instruction", true);
    String input = column(file, n, row, "input", false);
    String output = column(file, n, row, "output", true);
    return List.of(
        new Message("user", prompt(instruction, input), !trainOnInput),
        new Message("assistant", output, false));
  }

  private String column(Path file, int n, JsonNode row, String usual, boolean required) {
    String name = columnMap.getOrDefault(usual, usual);
    JsonNode value = row.get(name);
    if (value == null && !required) {
      return "";
    }
    if (value == null) {
      String found =
          StreamSupport.stream(((Iterable<String>) row::fieldNames).spliterator(), false)
              .collect(Collectors.joining(", "));
      throw new InputException(
          "%s: row %d: column '%s' is missing, found %s; name it with dataset.column_map.%s=NAME"
              .formatted(file, n, name, found, usual));
    }
    if (!value.isTextual()) {
      throw new InputException(
          "%s: row %d: column '%s' is %s, expected text"
              .formatted(file, n, name, value.toString()));
    }
    return value.asText();
  }

  /** Stanford Alpaca's prompt, with and without an input. */
  private static String prompt(String instruction, String input) {
    return input.isEmpty()
        ? "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n"
            + "### Instruction:\n"
            + instruction
            + "\n\n### Response:\n"
        : "Below is an instruction that describes a task, paired with an input that provides further context. "
            + "Write a response that appropriately completes the request.\n\n"
            + "### Instruction:\n"
            + instruction
            + "\n\n### Input:\n"
            + input
            + "\n\n### Response:\n";
  }
}
