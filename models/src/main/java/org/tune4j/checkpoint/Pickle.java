package org.tune4j.checkpoint;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Reads the pickle of a dictionary of tensors. It knows the opcodes that torch writes for one, and
 * of Python's objects only {@code OrderedDict}, torch's tensors and their storages; nothing else is
 * looked up, and nothing is run. Source: CPython's {@code pickletools.py}.
 */
final class Pickle {
  private static final String DICT = "collections.OrderedDict";
  private static final String TENSOR = "torch._utils._rebuild_tensor_v2";
  private static final String PARAMETER = "torch._utils._rebuild_parameter";
  private static final Map<String, SafetensorsType> STORAGES =
      Map.of(
          "torch.DoubleStorage", SafetensorsType.F64,
          "torch.FloatStorage", SafetensorsType.F32,
          "torch.HalfStorage", SafetensorsType.F16,
          "torch.BFloat16Storage", SafetensorsType.BF16,
          "torch.LongStorage", SafetensorsType.I64,
          "torch.IntStorage", SafetensorsType.I32,
          "torch.ShortStorage", SafetensorsType.I16,
          "torch.CharStorage", SafetensorsType.I8,
          "torch.ByteStorage", SafetensorsType.U8,
          "torch.BoolStorage", SafetensorsType.BOOL);

  private final ByteBuffer bytes;
  private final List<Object> stack = new ArrayList<>();
  private final Deque<Integer> marks = new ArrayDeque<>();
  private final Map<Integer, Object> memo = new HashMap<>();

  private Pickle(ByteBuffer bytes) {
    this.bytes = bytes.order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Why a pickle is refused. */
  static final class Refused extends Exception {
    private static final long serialVersionUID = 1;

    Refused(String why) {
      super(why);
    }
  }

  /** Elements that lie in a file of their own. */
  record Storage(SafetensorsType type, String key) {}

  /** A view of a storage, in elements. */
  record StoredView(Storage storage, long offset, List<Long> shape, List<Long> strides) {}

  /** A Python function or class of these names. */
  private record Named(String name) {}

  private enum Nothing {
    NONE
  }

  /** The tensors by name. */
  static Map<String, StoredView> tensors(ByteBuffer bytes) throws Refused {
    Object value;
    try {
      value = new Pickle(bytes).load();
    } catch (BufferUnderflowException | IndexOutOfBoundsException | ClassCastException e) {
      throw new Refused("its pickle is broken");
    }
    if (!(value instanceof Map<?, ?> map)) {
      throw new Refused("it holds " + shown(value) + ", expected a dictionary of tensors");
    }
    Map<String, StoredView> tensors = new LinkedHashMap<>();
    for (Map.Entry<?, ?> e : map.entrySet()) {
      if (!(e.getValue() instanceof StoredView tensor)) {
        throw new Refused(
            Texts.quoted((String) e.getKey())
                + " in it is "
                + shown(e.getValue())
                + ", expected a tensor; save the model's state_dict alone");
      }
      tensors.put((String) e.getKey(), tensor);
    }
    return tensors;
  }

  private static String shown(Object value) {
    return value instanceof Map
        ? "a dictionary"
        : value instanceof List
            ? "a list"
            : value instanceof StoredView ? "a tensor" : Texts.quoted(value.toString());
  }

  private Object load() throws Refused {
    for (int op = next(); op != '.'; op = next()) {
      if (!literal(op) && !collection(op)) {
        object(op);
      }
    }
    return pop();
  }

  /** Numbers, texts, and what is remembered; false for another opcode. */
  private boolean literal(int op) throws Refused {
    switch (op) {
      case 0x80 -> next(); // PROTO
      case 0x95 -> bytes.getLong(); // FRAME
      case 'N' -> push(Nothing.NONE);
      case 0x88 -> push(true);
      case 0x89 -> push(false);
      case 'K' -> push((long) next());
      case 'M' -> push((long) Short.toUnsignedInt(bytes.getShort()));
      case 'J' -> push((long) bytes.getInt());
      case 0x8a -> push(longOf(next()));
      case 'G' -> push(Double.longBitsToDouble(Long.reverseBytes(bytes.getLong())));
      case 'X' -> push(text(bytes.getInt()));
      case 0x8c -> push(text(next()));
      case 'q' -> memo.put(next(), top());
      case 'r' -> memo.put(bytes.getInt(), top());
      case 0x94 -> memo.put(memo.size(), top());
      case 'h' -> push(remembered(next()));
      case 'j' -> push(remembered(bytes.getInt()));
      case '0' -> pop();
      default -> {
        return false;
      }
    }
    return true;
  }

  private boolean collection(int op) throws Refused {
    switch (op) {
      case '(' -> marks.push(stack.size());
      case '}' -> push(new LinkedHashMap<String, Object>());
      case ']' -> push(new ArrayList<>());
      case ')' -> push(List.of());
      case 'a' -> {
        Object value = pop();
        list(top()).add(value);
      }
      case 'e' -> {
        List<Object> values = marked();
        list(top()).addAll(values);
      }
      case 's' -> {
        Object value = pop();
        Object key = pop();
        put(top(), key, value);
      }
      case 'u' -> {
        List<Object> values = marked();
        for (int i = 0; i < values.size(); i += 2) {
          put(top(), values.get(i), values.get(i + 1));
        }
      }
      case 't' -> push(Collections.unmodifiableList(marked()));
      case 0x85, 0x86, 0x87 -> {
        List<Object> values = stack.subList(stack.size() - (op - 0x84), stack.size());
        List<Object> tuple = List.copyOf(values);
        values.clear();
        push(tuple);
      }
      default -> {
        return false;
      }
    }
    return true;
  }

  private void object(int op) throws Refused {
    switch (op) {
      case 'c' -> push(named(line(), line()));
      case 0x93 -> { // STACK_GLOBAL
        String name = (String) pop();
        push(named((String) pop(), name));
      }
      case 'Q' -> push(storage((List<?>) pop()));
      case 'R' -> {
        List<?> arguments = (List<?>) pop();
        push(call(((Named) pop()).name(), arguments));
      }
      case 'b' -> { // BUILD: an OrderedDict's attributes, such as torch's _metadata
        pop();
        if (!(top() instanceof Map)) {
          throw new Refused("its pickle gives attributes to " + shown(top()));
        }
      }
      default -> throw new Refused("its pickle uses opcode 0x%02x".formatted(op));
    }
  }

  private static Named named(String module, String name) throws Refused {
    String full = module + "." + name;
    if (!List.of(DICT, TENSOR, PARAMETER).contains(full) && !STORAGES.containsKey(full)) {
      throw new Refused(
          "it asks for Python's "
              + Texts.quoted(full)
              + ", which is no part of a tensor, and nothing of it was run");
    }
    return new Named(full);
  }

  private static Storage storage(List<?> id) throws Refused {
    SafetensorsType type = STORAGES.get(((Named) id.get(1)).name());
    if (!id.get(0).equals("storage") || type == null) {
      throw new Refused("its pickle names a storage that is none");
    }
    return new Storage(type, (String) id.get(2));
  }

  private static Object call(String name, List<?> arguments) throws Refused {
    return switch (name) {
      case DICT -> {
        if (!arguments.isEmpty() && !((List<?>) arguments.get(0)).isEmpty()) {
          throw new Refused("its pickle fills an OrderedDict in a way that torch does not");
        }
        yield new LinkedHashMap<String, Object>();
      }
      case TENSOR ->
          new StoredView(
              (Storage) arguments.get(0),
              (Long) arguments.get(1),
              longs(arguments.get(2)),
              longs(arguments.get(3)));
      case PARAMETER -> (StoredView) arguments.get(0);
      default -> throw new Refused("its pickle calls " + Texts.quoted(name));
    };
  }

  private static List<Long> longs(Object tuple) {
    return ((List<?>) tuple).stream().map(Long.class::cast).toList();
  }

  @SuppressWarnings("unchecked") // lists are made here, and hold anything
  private static List<Object> list(Object value) throws Refused {
    if (value instanceof ArrayList<?>) {
      return (List<Object>) value;
    }
    throw new Refused("its pickle appends to " + shown(value));
  }

  @SuppressWarnings("unchecked") // maps are made here
  private static void put(Object map, Object key, Object value) throws Refused {
    if (!(map instanceof Map) || !(key instanceof String name)) {
      throw new Refused("its pickle has " + shown(key) + " as a name, expected a text");
    }
    if (((Map<String, Object>) map).put(name, value) != null) {
      throw new Refused("it holds " + Texts.quoted(name) + " twice");
    }
  }

  private List<Object> marked() throws Refused {
    if (marks.isEmpty() || marks.peek() > stack.size()) {
      throw new Refused("its pickle is broken");
    }
    List<Object> values = stack.subList(marks.pop(), stack.size());
    List<Object> copy = new ArrayList<>(values);
    values.clear();
    return copy;
  }

  private Object remembered(int key) throws Refused {
    return Optional.ofNullable(memo.get(key))
        .orElseThrow(() -> new Refused("its pickle is broken"));
  }

  private Long longOf(int length) throws Refused {
    if (length > Long.BYTES) {
      throw new Refused("its pickle has a number of " + length + " bytes");
    }
    long value = 0;
    for (int i = 0; i < length; i++) {
      long next = i == length - 1 ? bytes.get() : next();
      value |= next << (8 * i);
    }
    return value;
  }

  private int next() {
    return Byte.toUnsignedInt(bytes.get());
  }

  private String text(int length) throws Refused {
    if (length < 0 || length > bytes.remaining()) {
      throw new Refused("its pickle is broken");
    }
    ByteBuffer text = bytes.slice(bytes.position(), length);
    bytes.position(bytes.position() + length);
    return StandardCharsets.UTF_8.decode(text).toString();
  }

  private String line() throws Refused {
    int from = bytes.position();
    int end = from;
    while (bytes.get(end) != '\n') {
      end++;
    }
    String line = text(end - from);
    next();
    return line;
  }

  private void push(Object value) {
    stack.add(value);
  }

  private Object top() {
    return stack.get(stack.size() - 1);
  }

  private Object pop() {
    return stack.remove(stack.size() - 1);
  }
}
