package org.tune4j.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tune4j.data.DataCache;
import org.tune4j.data.Dataset;
import org.tune4j.data.Example;
import org.tune4j.data.FileOptions;
import org.tune4j.data.OnBadRow;
import org.tune4j.data.TextCompletionDataset;
import org.tune4j.models.TestBackend;
import org.tune4j.models.TinyModels;
import org.tune4j.nn.Loss;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.TensorScope;
import org.tune4j.tokenizers.Conversation;
import org.tune4j.tokenizers.Message;
import org.tune4j.tokenizers.TokenizedConversation;
import org.tune4j.tokenizers.Tokenizer;

/** Packed rows give the losses of the same rows alone: each pack the sum of its rows'. */
class PackedLossTest {
  @TempDir Path dir;

  @Test
  void loss_packedRows_equalsSumOfTheSameRowsAlone() throws IOException {
    long seed = 5;
    Random random = new Random(seed);
    String text =
        IntStream.range(0, 14)
            .mapToObj(
                r ->
                    random
                        .ints(2 + random.nextInt(12), 'a', 'z')
                        .mapToObj(c -> "" + (char) c)
                        .collect(Collectors.joining()))
            .collect(Collectors.joining("\n"));
    Path file = Files.writeString(dir.resolve("rows.txt"), text);
    Dataset rows = open(file, false);
    Dataset packs = open(file, true);
    assertTrue(packs.size() < rows.size(), "something is packed");
    Engine engine = TestBackend.engine();
    try (TensorScope scope = engine.openScope();
        RowsOverThreads over =
            new RowsOverThreads(
                engine, TinyModels.lora(engine, "all_r4"), 2, Loss.crossEntropy(7))) {
      double[] alone =
          IntStream.range(0, rows.size())
              .mapToDouble(i -> over.evaluate(List.of(rows.get(i))).loss())
              .toArray();
      int row = 0;
      for (int p = 0; p < packs.size(); p++) {
        Example pack = packs.get(p);
        double expected = 0;
        for (int i = 0; i < pack.rowEnds().length; i++) {
          expected += alone[row++];
        }
        double together = over.evaluate(List.of(pack)).loss();
        assertEquals(expected, together, 1e-4, "pack " + p + ", seed " + seed);
        if (pack.rowEnds().length > 1) {
          Example unbounded =
              new Example(pack.tokens(), pack.labels(), new int[] {pack.tokens().length});
          assertNotEquals(expected, over.evaluate(List.of(unbounded)).loss(), 1e-3, "pack " + p);
        }
      }
      assertEquals(rows.size(), row);
    }
  }

  private Dataset open(Path file, boolean packed) {
    return TextCompletionDataset.textCompletion(
            "text",
            "text",
            false,
            new FileOptions(List.of(file), packed, false, "train", OnBadRow.STOP))
        .open(new Bytes(), 24, new DataCache(dir));
  }

  /** A token a character. */
  private static final class Bytes implements Tokenizer {
    @Override
    public int[] encode(String text) {
      return text.chars().toArray();
    }

    @Override
    public int[] encodeText(String text, boolean addEos) {
      return encode(text);
    }

    @Override
    public String decode(int[] ids) {
      return new String(ids, 0, ids.length);
    }

    @Override
    public TokenizedConversation tokenize(Conversation conversation) {
      throw new UnsupportedOperationException();
    }

    @Override
    public String render(List<Message> messages, boolean addGenerationPrompt) {
      throw new UnsupportedOperationException();
    }

    @Override
    public int[] prompt(List<Message> messages) {
      throw new UnsupportedOperationException();
    }

    @Override
    public OptionalInt bosId() {
      return OptionalInt.empty();
    }

    @Override
    public OptionalInt eosId() {
      return OptionalInt.empty();
    }

    @Override
    public Set<Integer> stopIds() {
      return Set.of();
    }

    @Override
    public int vocabSize() {
      return 1 << 16;
    }

    @Override
    public String fingerprint() {
      return "characters";
    }

    @Override
    public void close() {}
  }
}
