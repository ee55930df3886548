package org.tune4j.fuzz;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** Changes a file a little, as bytes and, where it is JSON, as a tree. */
final class Mutator {
  private static final String[] PIECES = {
    "{",
    "}",
    "[",
    "]",
    "\"",
    ":",
    ",",
    "\\",
    "\\u0000",
    "\\ud800",
    "\n",
    "\t",
    " ",
    "- ",
    "&a ",
    "*a ",
    "<<: ",
    "!!java.lang.Runtime ",
    "${output_dir}",
    "${a.b.c}",
    "{{",
    "}}",
    "{%",
    "%}",
    "null",
    "true",
    "NaN",
    "-Infinity",
    "1e999",
    "-1",
    "0",
    "1",
    "255",
    "4294967296",
    "9223372036854775807",
    "99999999999999999999",
    "0.1",
    "\u00e9",
    "\ufeff",
    "\ud83d\ude00",
    "|",
    "(a*)*$",
    "(?=",
    "[^",
    "'",
    "#",
    "--- ",
    "../",
    "/",
    "\0"
  };
  private static final int DEEP = 3000;
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Random random;

  Mutator(long seed) {
    random = new Random(seed);
  }

  /** One to four changes. Most files change as trees only: what no parser refuses gets further. */
  byte[] mutate(List<byte[]> seeds) {
    byte[] bytes = seeds.get(random.nextInt(seeds.size())).clone();
    boolean asTree = random.nextInt(10) < 7;
    for (int n = 1 + random.nextInt(4); n > 0; n--) {
      byte[] changed = asTree ? tree(bytes) : bytes;
      bytes = changed == bytes ? bytes(bytes, seeds) : changed;
    }
    return bytes;
  }

  private byte[] bytes(byte[] b, List<byte[]> seeds) {
    if (b.length == 0) {
      return piece();
    }
    int at = random.nextInt(b.length);
    int length = Math.min(b.length - at, 1 + random.nextInt(40));
    return switch (random.nextInt(9)) {
      case 0 -> {
        b[at] ^= (byte) (1 << random.nextInt(8));
        yield b;
      }
      case 1 -> {
        b[at] = (byte) random.nextInt(256);
        yield b;
      }
      case 2 -> splice(b, at, 0, piece());
      case 3 -> splice(b, at, length, piece());
      case 4 -> splice(b, at, length, new byte[0]);
      case 5 -> splice(b, random.nextInt(b.length), 0, Arrays.copyOfRange(b, at, at + length));
      case 6 -> Arrays.copyOf(b, at);
      case 7 -> number(b, at);
      default -> {
        byte[] other = seeds.get(random.nextInt(seeds.size()));
        int from = random.nextInt(other.length);
        yield splice(
            b, at, length, Arrays.copyOfRange(other, from, Math.min(other.length, from + 200)));
      }
    };
  }

  private byte[] piece() {
    String piece =
        random.nextInt(200) == 0
            ? PIECES[random.nextInt(8)].repeat(DEEP)
            : PIECES[random.nextInt(PIECES.length)];
    return piece.getBytes(StandardCharsets.UTF_8);
  }

  /** The next number, if there is one, becomes another. */
  private byte[] number(byte[] b, int at) {
    int from = at;
    while (from < b.length && (b[from] < '0' || b[from] > '9')) {
      from++;
    }
    int to = from;
    while (to < b.length && b[to] >= '0' && b[to] <= '9') {
      to++;
    }
    return splice(b, from, to - from, piece());
  }

  private static byte[] splice(byte[] b, int at, int removed, byte[] added) {
    ByteArrayOutputStream out = new ByteArrayOutputStream(b.length + added.length);
    out.write(b, 0, at);
    out.writeBytes(added);
    out.write(b, at + removed, b.length - at - removed);
    return out.toByteArray();
  }

  /** Replaces, deletes or moves a part of a JSON text; other texts stay as they are. */
  private byte[] tree(byte[] bytes) {
    try {
      JsonNode root = JSON.readTree(bytes);
      List<JsonNode> parents = new ArrayList<>();
      collect(root, parents);
      if (parents.isEmpty()) {
        return bytes;
      }
      JsonNode parent = parents.get(random.nextInt(parents.size()));
      if (parent instanceof ArrayNode array) {
        int i = random.nextInt(array.size());
        array.set(i, value(array.get(i), parents));
      } else if (parent instanceof ObjectNode object) {
        List<String> names = new ArrayList<>();
        object.fieldNames().forEachRemaining(names::add);
        String name = names.get(random.nextInt(names.size()));
        switch (random.nextInt(12)) {
          case 0 -> object.remove(name);
          case 1 -> object.set(name + "_", object.remove(name));
          default -> object.set(name, value(object.get(name), parents));
        }
      }
      return JSON.writeValueAsBytes(root);
    } catch (IOException | RuntimeException e) {
      return bytes;
    }
  }

  private static void collect(JsonNode node, List<JsonNode> parents) {
    if (node.isContainerNode() && !node.isEmpty()) {
      parents.add(node);
      node.forEach(child -> collect(child, parents));
    }
  }

  /** Mostly another value of the same type, so that it gets past the parser. */
  private JsonNode value(JsonNode old, List<JsonNode> parents) {
    JsonNodeFactory f = JsonNodeFactory.instance;
    if (random.nextInt(4) == 0) {
      return any(parents);
    }
    if (old.isIntegralNumber()) {
      long n = old.asLong();
      long[] near = {n + 1, n - 1, 0, 1, 2, n * 1000, 65_536, Integer.MAX_VALUE, (1L << 32) - 1};
      return f.numberNode(near[random.nextInt(near.length)]);
    }
    if (old.isNumber()) {
      double[] near = {0, -1, 0.5, 1, -old.asDouble(), 1e30, 1e-300, 1.7e308};
      return f.numberNode(near[random.nextInt(near.length)]);
    }
    if (old.isTextual()) {
      String s = old.asText();
      int at = random.nextInt(s.length() + 1);
      int to = Math.min(s.length(), at + 1 + random.nextInt(3));
      String piece = PIECES[random.nextInt(PIECES.length)];
      return f.textNode(
          switch (random.nextInt(4)) {
            case 0 -> s.substring(0, at) + piece + s.substring(at);
            case 1 -> s.substring(0, at) + s.substring(to);
            case 2 -> s.repeat(random.nextInt(4));
            default -> s.substring(0, at) + piece + s.substring(to);
          });
    }
    if (old.isBoolean()) {
      return f.booleanNode(!old.asBoolean());
    }
    if (old instanceof ArrayNode array && !array.isEmpty()) {
      ArrayNode changed = array.deepCopy();
      int i = random.nextInt(array.size());
      if (random.nextBoolean()) {
        changed.remove(i);
      } else {
        changed.insert(random.nextInt(array.size()), changed.get(i));
      }
      return changed;
    }
    return old.isObject() ? old : any(parents);
  }

  private JsonNode any(List<JsonNode> parents) {
    JsonNodeFactory f = JsonNodeFactory.instance;
    return switch (random.nextInt(12)) {
      case 0 -> f.nullNode();
      case 1 -> f.arrayNode();
      case 2 -> f.objectNode();
      case 3 -> f.numberNode(-1);
      case 4 -> f.numberNode(1L << (1 + random.nextInt(62)));
      case 5 -> f.numberNode(random.nextInt(1000));
      case 6 -> f.numberNode(random.nextDouble() * Math.pow(10, random.nextInt(40)));
      case 7 -> f.textNode("");
      case 8 -> f.textNode(PIECES[random.nextInt(PIECES.length)]);
      case 9 -> f.textNode(PIECES[random.nextInt(PIECES.length)].repeat(1 + random.nextInt(500)));
      case 10 -> f.booleanNode(random.nextBoolean());
      default -> parents.get(random.nextInt(parents.size())).deepCopy();
    };
  }
}
