package org.tune4j.hub;

import java.util.List;
import java.util.regex.Pattern;

/**
 * Which of a repository's files are wanted. Patterns are the hub's: {@code *} also stands for
 * slashes, {@code ?} for one character, {@code [a-z]} and {@code [!a-z]} for one of a set, a folder
 * with a slash at its end for all in it. No pattern selects a jar: a model needs none, and a jar is
 * code that a JVM could load.
 *
 * @param include a file must match one of these; all files where there is none
 * @param exclude a file must match none of these
 * @param skipOtherFormats whether weights in other formats are left out where there are {@code
 *     safetensors}
 */
public record FileSelection(List<String> include, List<String> exclude, boolean skipOtherFormats) {
  /** All files but weights that are not used where there are {@code safetensors}. */
  public static final FileSelection ALL = new FileSelection(List.of(), List.of(), true);

  /** What a model is loaded from: weights, config, tokenizer, chat template. */
  public static final FileSelection MODEL =
      new FileSelection(
          List.of(
              "*.json", "*.safetensors", "tokenizer.model", "*.jinja", "vocab.txt", "merges.txt"),
          List.of("*/*"),
          false);

  private static final Pattern JAR = Pattern.compile("(?is).*\\.jar");

  private static final Pattern OTHER_FORMATS =
      Pattern.compile(
          ".*\\.(bin|pt|pth|ckpt|h5|msgpack|ot|onnx|onnx_data|gguf|ggml|tflite|mlpackage|mlmodel|npz|tar\\.gz)");

  public FileSelection {
    include = List.copyOf(include);
    exclude = List.copyOf(exclude);
  }

  /** Those of a repository's files. */
  List<String> of(List<String> names) {
    boolean safetensors = names.stream().anyMatch(n -> n.endsWith(".safetensors"));
    List<Pattern> wanted = include.stream().map(FileSelection::pattern).toList();
    List<Pattern> unwanted = exclude.stream().map(FileSelection::pattern).toList();
    return names.stream()
        .filter(n -> !JAR.matcher(n).matches())
        .filter(n -> wanted.isEmpty() || matches(wanted, n))
        .filter(n -> !matches(unwanted, n))
        .filter(n -> !(skipOtherFormats && safetensors && OTHER_FORMATS.matcher(n).matches()))
        .toList();
  }

  private static boolean matches(List<Pattern> patterns, String name) {
    return patterns.stream().anyMatch(p -> p.matcher(name).matches());
  }

  private static Pattern pattern(String glob) {
    String all = glob.endsWith("/") ? glob + "*" : glob;
    StringBuilder regex = new StringBuilder();
    for (int i = 0; i < all.length(); i++) {
      char c = all.charAt(i);
      // A bracket may hold a closing one in the first place.
      int end = c == '[' ? all.indexOf(']', i + (all.startsWith("[!", i) ? 3 : 2)) : -1;
      if (c == '*') {
        regex.append(".*");
      } else if (c == '?') {
        regex.append('.');
      } else if (end > 0) {
        String set = all.substring(i + 1, end).replaceAll("[\\\\\\[\\]&^]", "\\\\$0");
        regex.append('[').append(set.startsWith("!") ? "^" + set.substring(1) : set).append(']');
        i = end;
      } else {
        regex.append(Pattern.quote(String.valueOf(c)));
      }
    }
    return Pattern.compile(regex.toString(), Pattern.DOTALL);
  }
}
