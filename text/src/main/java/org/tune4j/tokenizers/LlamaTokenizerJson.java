package org.tune4j.tokenizers;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.tune4j.tokenizers.SentencePieceModel.Piece;
import org.tune4j.tokenizers.SentencePieceModel.PieceType;

/**
 * Writes a Llama's {@code tokenizer.model} as the {@code tokenizer.json} that transformers makes of
 * it ({@code LlamaConverter}), so that both files give the same tokens.
 */
final class LlamaTokenizerJson {
  private static final String BLANK = "\u2581";

  private LlamaTokenizerJson() {}

  static ObjectNode of(SentencePieceModel model, TokenizerConfig config) {
    ObjectNode json = JsonNodeFactory.instance.objectNode().put("version", "1.0");
    json.putNull("truncation").putNull("padding");
    boolean legacy = config.is("legacy", true);
    boolean prefix = config.is("add_prefix_space", !config.settings().has("add_prefix_space"));
    ArrayNode added = json.putArray("added_tokens");
    for (int id = 0; id < model.pieces().size(); id++) {
      Piece p = model.pieces().get(id);
      if (p.type() == PieceType.CONTROL || p.type() == PieceType.USER_DEFINED) {
        added
            .addObject()
            .put("id", id)
            .put("content", p.text())
            .put("single_word", false)
            .put("lstrip", false)
            .put("rstrip", false)
            .put("normalized", false)
            .put("special", p.type() == PieceType.CONTROL);
      }
    }
    json.putNull("normalizer").putNull("pre_tokenizer").putNull("post_processor");
    if (legacy) {
      ArrayNode steps = sequence(json, "normalizer", "normalizers");
      if (prefix) {
        steps.addObject().put("type", "Prepend").put("prepend", BLANK);
      }
      replace(steps, " ", BLANK);
    } else {
      json.putObject("pre_tokenizer")
          .put("type", "Metaspace")
          .put("replacement", BLANK)
          .put("prepend_scheme", prefix ? "first" : "never")
          .put("split", false);
    }
    ArrayNode decoders = sequence(json, "decoder", "decoders");
    replace(decoders, BLANK, " ");
    decoders.addObject().put("type", "ByteFallback");
    decoders.addObject().put("type", "Fuse");
    if (prefix) {
      decoders.addObject().put("type", "Strip").put("content", " ").put("start", 1).put("stop", 0);
    }
    json.set("model", model.unigram() ? unigram(model) : bpe(model));
    return json;
  }

  private static ArrayNode sequence(ObjectNode json, String name, String steps) {
    return json.putObject(name).put("type", "Sequence").putArray(steps);
  }

  private static void replace(ArrayNode steps, String from, String to) {
    ObjectNode step = steps.addObject().put("type", "Replace");
    step.putObject("pattern").put("String", from);
    step.put("content", to);
  }

  /** The first three score 0, as transformers has it. */
  private static float score(SentencePieceModel model, int id) {
    return id < 3 ? 0 : model.pieces().get(id).score();
  }

  private static ObjectNode unigram(SentencePieceModel model) {
    ObjectNode json = JsonNodeFactory.instance.objectNode().put("type", "Unigram");
    json.put("unk_id", 0).put("byte_fallback", true);
    ArrayNode vocab = json.putArray("vocab");
    for (int id = 0; id < model.pieces().size(); id++) {
      vocab.addArray().add(model.pieces().get(id).text()).add((double) score(model, id));
    }
    return json;
  }

  /** Two pieces that are one together. */
  private record Merge(String left, String right, float score, int leftId, int rightId) {}

  private static ObjectNode bpe(SentencePieceModel model) {
    ObjectNode json = JsonNodeFactory.instance.objectNode().put("type", "BPE");
    json.putNull("dropout").put("unk_token", model.pieces().get(model.unknownId()).text());
    json.putNull("continuing_subword_prefix").putNull("end_of_word_suffix");
    json.put("fuse_unk", true).put("byte_fallback", true).put("ignore_merges", false);
    Map<String, Integer> ids = new HashMap<>();
    ObjectNode vocab = json.putObject("vocab");
    for (int id = 0; id < model.pieces().size(); id++) {
      ids.put(model.pieces().get(id).text(), id);
      vocab.put(model.pieces().get(id).text(), id);
    }
    ArrayNode merges = json.putArray("merges");
    for (Merge m : merges(model, ids)) {
      merges.addArray().add(m.left()).add(m.right());
    }
    return json;
  }

  /**
   * Every way to make a piece of two, highest scores first, then longest halves; what is equal in
   * these stays in the order of its ids.
   */
  private static List<Merge> merges(SentencePieceModel model, Map<String, Integer> ids) {
    List<Merge> merges = new ArrayList<>();
    for (int id = 0; id < model.pieces().size(); id++) {
      String text = model.pieces().get(id).text();
      List<Merge> ofPiece = new ArrayList<>();
      for (int i = text.offsetByCodePoints(0, 1);
          i < text.length();
          i = text.offsetByCodePoints(i, 1)) {
        Integer left = ids.get(text.substring(0, i));
        Integer right = ids.get(text.substring(i));
        if (left != null && right != null) {
          ofPiece.add(
              new Merge(text.substring(0, i), text.substring(i), score(model, id), left, right));
        }
      }
      ofPiece.sort(Comparator.comparingInt(Merge::leftId).thenComparingInt(Merge::rightId));
      merges.addAll(ofPiece);
    }
    merges.sort(
        Comparator.comparing(Merge::score)
            .thenComparing(m -> m.left().codePointCount(0, m.left().length()))
            .thenComparing(m -> m.right().codePointCount(0, m.right().length()))
            .reversed());
    return merges;
  }
}
