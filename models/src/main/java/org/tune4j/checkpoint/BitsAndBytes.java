package org.tune4j.checkpoint;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.tune4j.InputException;
import org.tune4j.TuneException;
import org.tune4j.checkpoint.HuggingFaceFolder.Weight;
import org.tune4j.checkpoint.SafetensorsFile.Entry;
import org.tune4j.tensor.Nf4;

/**
 * The tensors that stand for a weight in a checkpoint by bitsandbytes. Source: {@code
 * bitsandbytes/functional.py}, {@code QuantState.as_dict}.
 */
final class BitsAndBytes {
  static final String STATE = ".quant_state.bitsandbytes__";
  static final String NF4 = STATE + "nf4";
  static final String CODES = ".absmax";
  static final String MAP = ".quant_map";
  static final String NESTED = ".nested_absmax";
  static final String NESTED_MAP = ".nested_quant_map";

  /** Below the module, in place of {@code weight}. */
  static final String ROWS = "SCB";

  private static final String WEIGHT = "weight";
  private static final String FORMAT = "weight_format";
  private static final String FP4 = STATE + "fp4";

  private final Map<String, Weight> stored;
  private final JsonFields config;

  private BitsAndBytes(Map<String, Weight> stored, JsonFields config) {
    this.stored = stored;
    this.config = config;
  }

  /** The weights, those that are quantised with a {@link QuantisedLayout}; others as they are. */
  static Map<String, Weight> weights(Map<String, Weight> stored, JsonFields config) {
    return new BitsAndBytes(stored, config).weights();
  }

  private Map<String, Weight> weights() {
    Map<String, Weight> weights = new LinkedHashMap<>();
    stored.forEach(
        (name, w) -> {
          if (stored.containsKey(name + FP4)) {
            throw config.wrong(
                "bnb_4bit_quant_type", "nf4; give the checkpoint in float32, float16 or bfloat16");
          }
          if (stored.containsKey(name + NF4)) {
            weights.put(name, nf4(name, w));
          } else if (stored.containsKey(rows(name))) {
            weights.put(name, int8(name, w));
          } else if (!isPart(name)) {
            weights.put(name, w);
          }
        });
    return weights;
  }

  /** The name of what the rows of a weight are multiplied by. */
  static String rows(String name) {
    return name.endsWith("." + WEIGHT)
        ? name.substring(0, name.length() - WEIGHT.length()) + ROWS
        : name + "." + ROWS;
  }

  private boolean isPart(String name) {
    return name.endsWith("." + ROWS)
        || name.endsWith("." + FORMAT)
        || List.of(NF4, CODES, MAP, NESTED, NESTED_MAP).stream()
            .anyMatch(
                end ->
                    name.endsWith(end)
                        && stored.containsKey(
                            name.substring(0, name.length() - end.length()) + NF4));
  }

  private Weight nf4(String name, Weight codes) {
    JsonFields state = state(name);
    List<Long> shape = state.longs("shape");
    long n = shape.stream().mapToLong(Long::longValue).reduce(1, Math::multiplyExact);
    long blocks = Nf4.blocks(n);
    boolean twice = state.has("nested_offset");
    if (shape.size() != 2
        || state.wholeNumber("blocksize", 0) != Nf4.BLOCK
        || (twice && state.wholeNumber("nested_blocksize", 0) != Nf4.GROUP)) {
      throw new InputException(
          "%s: %s is not in blocks of %d, their factors in blocks of %d"
              .formatted(codes.file(), Texts.quoted(name), Nf4.BLOCK, Nf4.GROUP));
    }
    requireMap(name + MAP, Nf4.values());
    List<Weight> parts = new ArrayList<>();
    parts.add(part(name, SafetensorsType.U8, n / 2));
    if (twice) {
      requireMap(name + NESTED_MAP, Nf4.factors());
      parts.add(part(name + CODES, SafetensorsType.U8, blocks));
      parts.add(part(name + NESTED, SafetensorsType.F32, Nf4.groups(blocks)));
    } else {
      parts.add(part(name + CODES, SafetensorsType.F32, blocks));
    }
    SafetensorsType type = type(state, state.text("dtype"));
    float offset = twice ? (float) state.decimal("nested_offset") : 0;
    return weight(codes, type, shape, n, new Nf4Layout(parts, offset));
  }

  private static Weight weight(
      Weight codes, SafetensorsType type, List<Long> shape, long n, QuantisedLayout layout) {
    Entry e = codes.entry();
    return new Weight(
        codes.file(), new Entry(e.name(), type, shape, e.offset(), n * type.bytes(), layout));
  }

  /** The numbers of a weight, which lie in the file as a text. */
  private JsonFields state(String name) {
    Weight text = stored.get(name + NF4);
    if (text == null) {
      throw new IllegalArgumentException(name);
    }
    try {
      byte[] bytes = QuantisedLayout.bytes(text, 0, text.entry().length()).array();
      return JsonFields.parse(text.file(), text.entry().name() + ".", bytes);
    } catch (IOException e) {
      throw new InputException("cannot read " + text.file() + ": " + TuneException.reason(e), e);
    }
  }

  private static SafetensorsType type(JsonFields state, String name) {
    return switch (name) {
      case "float32" -> SafetensorsType.F32;
      case "float16" -> SafetensorsType.F16;
      case "bfloat16" -> SafetensorsType.BF16;
      default -> throw state.wrong("dtype", "float32, float16 or bfloat16");
    };
  }

  private Weight int8(String name, Weight codes) {
    Entry e = codes.entry();
    if (e.type() != SafetensorsType.I8 || e.shape().size() != 2) {
      throw new InputException(
          "%s: %s is %s of shape %s, expected I8 of a matrix"
              .formatted(codes.file(), Texts.quoted(name), e.type(), e.shape()));
    }
    Weight largest = part(rows(name), SafetensorsType.F32, e.shape().get(0));
    return weight(
        codes, SafetensorsType.F16, e.shape(), e.length(), new Int8Layout(codes, largest));
  }

  /** Of so many elements, as a row. */
  private Weight part(String name, SafetensorsType type, long elements) {
    Weight part = stored.get(name);
    if (part == null || part.entry().type() != type || count(part.entry()) != elements) {
      throw new InputException(
          "%s: %s is %s, expected %d elements of %s"
              .formatted(
                  config.file().resolveSibling("*.safetensors"),
                  Texts.quoted(name),
                  part == null
                      ? "not there"
                      : part.entry().type() + " of shape " + part.entry().shape(),
                  elements,
                  type));
    }
    return part;
  }

  private static long count(Entry e) {
    return e.length() / e.type().bytes();
  }

  private void requireMap(String name, float[] expected) {
    Weight map = part(name, SafetensorsType.F32, expected.length);
    try {
      float[] found = QuantisedLayout.floats(map, 0, expected.length);
      for (int i = 0; i < expected.length; i++) {
        if (Math.abs(found[i] - expected[i]) > 1e-6) {
          throw new InputException(
              "%s: %s has %s at %d, bitsandbytes' own map %s"
                  .formatted(map.file(), Texts.quoted(name), found[i], i, expected[i]));
        }
      }
    } catch (IOException e) {
      throw new InputException("cannot read " + map.file() + ": " + TuneException.reason(e), e);
    }
  }
}
