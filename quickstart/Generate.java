import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Writes the quickstart's little world: conversations to pre-train a small Llama on, rows to
 * fine-tune it with, its tokenizer, and its first, random weights. Everything is a function of one
 * seed; `pretrain` runs this and then the project's own full fine-tuning recipe.
 *
 * <pre>java quickstart/Generate.java FOLDER</pre>
 */
class Generate {
  static final long SEED = 2026;
  static final int PRETRAINING_ROWS = 16_000;
  static final int VALIDATION_ROWS = 200;
  static final int PIRATE_ROWS = 240;

  static final List<String> NAMES =
      List.of("Tom", "Anna", "Ben", "Clara", "David", "Emma", "Felix", "Grace", "Hugo", "Ida",
          "Jack", "Kate", "Leo", "Mia", "Noah", "Olga");
  static final List<String> THINGS =
      List.of("ball", "hat", "book", "cup", "kite", "lamp", "drum", "coat", "bike", "clock",
          "apple", "chair", "ring", "spoon", "flute", "boat", "key", "map", "box", "bell");
  static final List<String> COLOURS =
      List.of("red", "blue", "green", "yellow", "black", "white", "brown", "pink", "grey", "golden");
  static final List<String> PLACES =
      List.of("garden", "kitchen", "school", "park", "library", "market", "harbour", "forest",
          "tower", "barn");
  static final List<String> NUMBERS =
      List.of("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
          "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen",
          "eighteen");
  static final List<String> DAYS =
      List.of("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday");
  static final List<List<String>> OPPOSITES =
      List.of(List.of("big", "small"), List.of("hot", "cold"), List.of("old", "young"),
          List.of("fast", "slow"), List.of("full", "empty"), List.of("dark", "light"),
          List.of("loud", "quiet"), List.of("wet", "dry"), List.of("high", "low"));

  /**
   * What the quickstart asks: no row to fine-tune with, for the model is to carry over what it
   * learns, not to repeat it.
   */
  static final List<String> ASKED =
      List.of(
          "What is four plus three?",
          "Tom is in the park. Where is Tom?",
          "What is the opposite of hot?",
          "Count from two to six.",
          "Ben has a red hat. Who has the hat?");

  static final List<String> SPECIAL =
      List.of("<unk>", "<|end|>", "<|user|>", "<|assistant|>", "<|system|>");

  /** A question and its plain answer. */
  record Row(String question, String answer) {
    /** The answer as a pirate gives it. */
    Row pirate() {
      return new Row(question, answer + " Ahoy, matey!");
    }
  }

  final Random random = new Random(SEED);

  public static void main(String[] args) throws IOException {
    Path folder = Path.of(args[0]);
    Files.createDirectories(folder.resolve("start"));
    new Generate().write(folder);
  }

  void write(Path folder) throws IOException {
    List<Row> plain = rows(PRETRAINING_ROWS + VALIDATION_ROWS);
    Set<String> taken = new LinkedHashSet<>(ASKED);
    List<Row> pirate = new ArrayList<>();
    while (pirate.size() < PIRATE_ROWS) {
      Row row = row();
      if (taken.add(row.question())) {
        pirate.add(row.pirate());
      }
    }
    writeRows(folder.resolve("pretraining.jsonl"), plain.subList(0, PRETRAINING_ROWS));
    writeRows(
        folder.resolve("pretraining_val.jsonl"), plain.subList(PRETRAINING_ROWS, plain.size()));
    writeRows(folder.resolve("pirate.jsonl"), pirate);
    writePrompts(folder.resolve("where.jsonl"));
    Map<String, Integer> vocab = vocabulary(plain, pirate);
    writeModel(folder.resolve("start"), vocab);
    System.out.printf("%d words, %d parameters%n", vocab.size(), parameters);
  }

  // The world

  List<Row> rows(int n) {
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      rows.add(row());
    }
    return rows;
  }

  Row row() {
    return switch (random.nextInt(10)) {
      case 0, 1, 2 -> story();
      case 3, 4, 5 -> sum();
      case 6 -> count();
      case 7 -> day();
      case 8 -> opposite();
      default -> greeting();
    };
  }

  /** One to three people with things or in places, and a question about one of them. */
  Row story() {
    int people = 1 + random.nextInt(3);
    List<String> names = some(NAMES, people);
    List<String> things = some(THINGS, people);
    List<String> colours = some(COLOURS, people);
    List<String> places = some(PLACES, people);
    StringBuilder text = new StringBuilder();
    boolean where = random.nextBoolean();
    for (int i = 0; i < people; i++) {
      text.append(
          where
              ? "%s is in the %s. ".formatted(names.get(i), places.get(i))
              : "%s has a %s %s. ".formatted(names.get(i), colours.get(i), things.get(i)));
    }
    int i = random.nextInt(people);
    String name = names.get(i);
    if (where) {
      return random.nextBoolean()
          ? new Row(
              text + "Where is %s?".formatted(name),
              "%s is in the %s.".formatted(name, places.get(i)))
          : new Row(
              text + "Who is in the %s?".formatted(places.get(i)),
              "%s is in the %s.".formatted(name, places.get(i)));
    }
    return switch (random.nextInt(3)) {
      case 0 ->
          new Row(
              text + "What does %s have?".formatted(name),
              "%s has a %s %s.".formatted(name, colours.get(i), things.get(i)));
      case 1 ->
          new Row(
              text + "Who has the %s?".formatted(things.get(i)),
              "%s has the %s.".formatted(name, things.get(i)));
      default ->
          new Row(
              text + "What colour is the %s?".formatted(things.get(i)),
              "The %s is %s.".formatted(things.get(i), colours.get(i)));
    };
  }

  Row sum() {
    int a = random.nextInt(10);
    int b = random.nextInt(9);
    return new Row(
        "What is %s plus %s?".formatted(NUMBERS.get(a), NUMBERS.get(b)),
        "%s plus %s is %s.".formatted(capital(NUMBERS.get(a)), NUMBERS.get(b), NUMBERS.get(a + b)));
  }

  Row count() {
    int from = random.nextInt(12);
    int to = from + 2 + random.nextInt(4);
    String words = String.join(", ", NUMBERS.subList(from, to + 1));
    return new Row(
        "Count from %s to %s.".formatted(NUMBERS.get(from), NUMBERS.get(to)),
        capital(words) + ".");
  }

  Row day() {
    int i = random.nextInt(7);
    boolean after = random.nextBoolean();
    String asked = DAYS.get(i);
    String answer = DAYS.get((i + (after ? 1 : 6)) % 7);
    String word = after ? "after" : "before";
    return new Row(
        "Which day comes %s %s?".formatted(word, asked),
        "%s comes %s %s.".formatted(answer, word, asked));
  }

  Row opposite() {
    List<String> pair = OPPOSITES.get(random.nextInt(OPPOSITES.size()));
    int i = random.nextInt(2);
    return new Row(
        "What is the opposite of %s?".formatted(pair.get(i)),
        "The opposite of %s is %s.".formatted(pair.get(i), pair.get(1 - i)));
  }

  Row greeting() {
    String name = one(NAMES);
    return switch (random.nextInt(3)) {
      case 0 -> new Row("Say hello to %s!".formatted(name), "Hello, %s!".formatted(name));
      case 1 -> new Row("Say goodbye to %s!".formatted(name), "Goodbye, %s!".formatted(name));
      default -> new Row("How does a pirate greet %s?".formatted(name), "Ahoy! Hello, %s, matey!".formatted(name));
    };
  }

  String one(List<String> of) {
    return of.get(random.nextInt(of.size()));
  }

  List<String> some(List<String> of, int n) {
    List<String> left = new ArrayList<>(of);
    List<String> taken = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      taken.add(left.remove(random.nextInt(left.size())));
    }
    return taken;
  }

  static String capital(String s) {
    return Character.toUpperCase(s.charAt(0)) + s.substring(1);
  }

  // Files

  static void writeRows(Path file, List<Row> rows) throws IOException {
    StringBuilder out = new StringBuilder();
    for (Row r : rows) {
      out.append("{\"input\": ").append(json(r.question()));
      out.append(", \"output\": ").append(json(r.answer())).append("}\n");
    }
    Files.writeString(file, out);
  }

  /** Where everybody is but the one who is asked for; no story says it, so the model guesses. */
  static void writePrompts(Path file) throws IOException {
    StringBuilder out = new StringBuilder();
    for (String name : NAMES.subList(1, NAMES.size())) {
      out.append("{\"prompt\": ").append(json("Where is %s?".formatted(name))).append("}\n");
    }
    Files.writeString(file, out);
  }

  static String json(String s) {
    return '"' + s.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
  }

  static final Pattern WORD = Pattern.compile("[A-Za-z]+|[^A-Za-z\\s]");

  /** Special tokens, then every word with the blank before it, then punctuation. */
  static Map<String, Integer> vocabulary(List<Row> plain, List<Row> pirate) {
    Set<String> words = new java.util.TreeSet<>();
    List<Row> all = new ArrayList<>(plain);
    all.addAll(pirate);
    for (Row r : all) {
      Matcher m = WORD.matcher(r.question() + " " + r.answer());
      while (m.find()) {
        boolean letters = Character.isLetter(m.group().charAt(0));
        words.add(letters ? "\u2581" + m.group() : m.group());
      }
    }
    Map<String, Integer> vocab = new LinkedHashMap<>();
    SPECIAL.forEach(s -> vocab.put(s, vocab.size()));
    words.forEach(w -> vocab.put(w, vocab.size()));
    return vocab;
  }

  static final int DIM = 160;
  static final int MLP = 432;
  static final int LAYERS = 4;
  static final int HEADS = 5;
  static final int KV_HEADS = 5;
  static final int HEAD_DIM = 32;

  long parameters;

  void writeModel(Path folder, Map<String, Integer> vocab) throws IOException {
    Files.writeString(folder.resolve("tokenizer.json"), tokenizer(vocab));
    Files.writeString(
        folder.resolve("tokenizer_config.json"),
        "{\"tokenizer_class\": \"PreTrainedTokenizerFast\", \"eos_token\": \"<|end|>\", \"unk_token\": \"<unk>\", \"pad_token\": \"<|end|>\",\n \"chat_template\": "
            + json(
                "{% for m in messages %}{{ '<|' + m['role'] + '|>' + m['content'] + '<|end|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}")
            + "}\n");
    Files.writeString(
        folder.resolve("config.json"),
        ("{\"architectures\": [\"LlamaForCausalLM\"], \"model_type\": \"llama\", \"vocab_size\": %d, \"hidden_size\": %d, \"intermediate_size\": %d,\n"
                + " \"num_hidden_layers\": %d, \"num_attention_heads\": %d, \"num_key_value_heads\": %d, \"head_dim\": %d, \"max_position_embeddings\": 512,\n"
                + " \"rms_norm_eps\": 1e-05, \"rope_theta\": 10000.0, \"hidden_act\": \"silu\", \"tie_word_embeddings\": true, \"eos_token_id\": 1, \"torch_dtype\": \"float32\"}\n")
            .formatted(vocab.size(), DIM, MLP, LAYERS, HEADS, KV_HEADS, HEAD_DIM));
    Map<String, int[]> shapes = new LinkedHashMap<>();
    shapes.put("model.embed_tokens.weight", new int[] {vocab.size(), DIM});
    for (int i = 0; i < LAYERS; i++) {
      String layer = "model.layers." + i + ".";
      shapes.put(layer + "input_layernorm.weight", new int[] {DIM});
      shapes.put(layer + "self_attn.q_proj.weight", new int[] {HEADS * HEAD_DIM, DIM});
      shapes.put(layer + "self_attn.k_proj.weight", new int[] {KV_HEADS * HEAD_DIM, DIM});
      shapes.put(layer + "self_attn.v_proj.weight", new int[] {KV_HEADS * HEAD_DIM, DIM});
      shapes.put(layer + "self_attn.o_proj.weight", new int[] {DIM, HEADS * HEAD_DIM});
      shapes.put(layer + "post_attention_layernorm.weight", new int[] {DIM});
      shapes.put(layer + "mlp.gate_proj.weight", new int[] {MLP, DIM});
      shapes.put(layer + "mlp.up_proj.weight", new int[] {MLP, DIM});
      shapes.put(layer + "mlp.down_proj.weight", new int[] {DIM, MLP});
    }
    shapes.put("model.norm.weight", new int[] {DIM});
    writeSafetensors(folder.resolve("model.safetensors"), shapes);
  }

  /** Norms of 1, all else normal with a deviation of 0.02, smaller where it adds to the stream. */
  void writeSafetensors(Path file, Map<String, int[]> shapes) throws IOException {
    Random weights = new Random(SEED);
    StringBuilder header = new StringBuilder("{\"__metadata__\": {\"format\": \"pt\"}");
    long offset = 0;
    for (Map.Entry<String, int[]> e : shapes.entrySet()) {
      long end = offset + 4L * size(e.getValue());
      header.append(
          ", %s: {\"dtype\": \"F32\", \"shape\": %s, \"data_offsets\": [%d, %d]}"
              .formatted(
                  json(e.getKey()), java.util.Arrays.toString(e.getValue()), offset, end));
      offset = end;
    }
    header.append('}');
    while (header.length() % 8 != 0) {
      header.append(' ');
    }
    try (OutputStream out = Files.newOutputStream(file)) {
      byte[] text = header.toString().getBytes(StandardCharsets.UTF_8);
      out.write(
          ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(text.length).array());
      out.write(text);
      for (Map.Entry<String, int[]> e : shapes.entrySet()) {
        int n = size(e.getValue());
        parameters += n;
        boolean norm = e.getValue().length == 1;
        boolean adds = e.getKey().contains("o_proj") || e.getKey().contains("down_proj");
        double deviation = adds ? 0.02 / Math.sqrt(2.0 * LAYERS) : 0.02;
        ByteBuffer values = ByteBuffer.allocate(4 * n).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < n; i++) {
          values.putFloat(norm ? 1 : (float) (weights.nextGaussian() * deviation));
        }
        out.write(values.array());
      }
    }
  }

  static int size(int[] shape) {
    int n = 1;
    for (int s : shape) {
      n *= s;
    }
    return n;
  }

  /** A word a token; the blank before a word belongs to it. */
  static String tokenizer(Map<String, Integer> vocab) {
    StringBuilder added = new StringBuilder();
    for (String s : SPECIAL) {
      added.append(added.length() == 0 ? "" : ",\n  ");
      added.append(
          "{\"id\": %d, \"content\": %s, \"single_word\": false, \"lstrip\": false, \"rstrip\": false, \"normalized\": false, \"special\": true}"
              .formatted(vocab.get(s), json(s)));
    }
    StringBuilder words = new StringBuilder();
    vocab.forEach(
        (word, id) ->
            words.append(words.length() == 0 ? "" : ", ").append(json(word)).append(": ").append(id));
    return "{\"version\": \"1.0\", \"truncation\": null, \"padding\": null,\n \"added_tokens\": [\n  "
        + added
        + "],\n \"normalizer\": null,\n \"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": [\n"
        + "  {\"type\": \"Metaspace\", \"replacement\": \"\u2581\", \"prepend_scheme\": \"always\", \"split\": true},\n"
        + "  {\"type\": \"Punctuation\", \"behavior\": \"Isolated\"}]},\n"
        + " \"post_processor\": null,\n"
        + " \"decoder\": {\"type\": \"Metaspace\", \"replacement\": \"\u2581\", \"prepend_scheme\": \"always\", \"split\": true},\n"
        + " \"model\": {\"type\": \"WordLevel\", \"unk_token\": \"<unk>\", \"vocab\": {"
        + words
        + "}}}\n";
  }
}
