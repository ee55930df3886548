package org.tune4j.adapters.lora;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import org.tune4j.InputException;
import org.tune4j.adapters.AdapterTensor;
import org.tune4j.adapters.AdapterType;
import org.tune4j.adapters.SavedAdapter;
import org.tune4j.adapters.TargetModules;
import org.tune4j.checkpoint.PeftAdapter;
import org.tune4j.checkpoint.SafetensorsFile.Entry;
import org.tune4j.checkpoint.Texts;

/**
 * LoRA as PEFT saves it. A tensor's name is {@code base_model.model.} before the module's path in
 * the base model, {@code lora_A.weight} or {@code lora_B.weight} after it. Source: PEFT's {@code
 * get_peft_model_state_dict}.
 */
public final class LoraType implements AdapterType {
  static final String PEFT_TYPE = "LORA";

  private static final String WEIGHT = ".weight";

  @Override
  public String peftType() {
    return PEFT_TYPE;
  }

  @Override
  public SavedAdapter read(PeftAdapter folder) {
    Map<AdapterTensor, Entry> tensors = new LinkedHashMap<>();
    Map<String, Entry> baseWeights = new LinkedHashMap<>();
    folder
        .tensors()
        .forEach(
            (name, entry) -> {
              Optional<String> base = baseWeight(name);
              Object twice =
                  base.isPresent()
                      ? baseWeights.put(base.get(), entry)
                      : tensors.put(parse(folder, name), entry);
              if (twice != null) {
                throw folder.unsound(Texts.quoted(name) + " is given twice");
              }
            });
    TreeSet<String> modules = new TreeSet<>();
    tensors.keySet().forEach(tensor -> modules.add(tensor.module()));
    LoraConfig config = LoraFields.read(folder.config(), List.copyOf(modules));
    List<String> targets = LoraFields.targetModules(folder.config());
    tensors.forEach((tensor, entry) -> check(folder, config, targets, tensor, entry));
    for (AdapterTensor tensor : tensors.keySet()) {
      String other = tensor.parameter().equals(LoraAdapter.A) ? LoraAdapter.B : LoraAdapter.A;
      if (!tensors.containsKey(new AdapterTensor(tensor.module(), other))) {
        throw folder.unsound(
            "'%s%s.%s' is missing".formatted(PeftAdapter.PREFIX, tensor.module(), other));
      }
    }
    return new SavedAdapter(folder.path(), folder.file(), config, tensors, baseWeights);
  }

  /**
   * What the name in a file stands for.
   *
   * @throws InputException if it is not the name of a LoRA tensor
   */
  private static AdapterTensor parse(PeftAdapter folder, String name) {
    if (name.startsWith(PeftAdapter.PREFIX)) {
      String path = name.substring(PeftAdapter.PREFIX.length());
      for (String parameter : List.of(LoraAdapter.A, LoraAdapter.B)) {
        int module = path.length() - parameter.length() - 1;
        if (module > 0 && path.endsWith("." + parameter)) {
          return new AdapterTensor(path.substring(0, module), parameter);
        }
      }
    }
    throw new InputException(
        "%s: adapter tensor %s %s"
            .formatted(
                folder.file(),
                Texts.quoted(name),
                name.contains(".lora_embedding_")
                    ? "adapts an embedding, which is not supported; " + SavedAdapter.MERGE
                    : "is not named base_model.model.MODULE followed by lora_A.weight or"
                        + " lora_B.weight; save the adapter with PEFT's save_pretrained"));
  }

  /**
   * The name in the base model of one of its weights that PEFT saves along: those of embedding and
   * head where one of them is adapted, or {@code save_embedding_layers} asks for it.
   */
  private static Optional<String> baseWeight(String name) {
    if (!name.startsWith(PeftAdapter.PREFIX) || !name.endsWith(WEIGHT) || name.contains(".lora_")) {
      return Optional.empty();
    }
    String module = name.substring(PeftAdapter.PREFIX.length(), name.length() - WEIGHT.length());
    return Optional.of(module.replaceFirst("\\.base_layer$", "") + WEIGHT);
  }

  private static void check(
      PeftAdapter folder,
      LoraConfig config,
      List<String> targets,
      AdapterTensor tensor,
      Entry entry) {
    String name = Texts.quoted(entry.name());
    if (!targets.isEmpty() && !TargetModules.of(targets).matches(tensor.module())) {
      throw folder.unsound(name + " belongs to none of the target modules " + targets);
    }
    List<Long> shape = entry.shape();
    int rank = config.rankOf(tensor.module());
    boolean isA = tensor.parameter().equals(LoraAdapter.A);
    if (shape.size() != 2 || shape.get(isA ? 0 : 1) != rank) {
      String expected = isA ? "[" + rank + ", in]" : "[out, " + rank + "]";
      throw folder.unsound(name + " has the shape " + shape + ", expected " + expected);
    }
  }
}
