package org.tune4j.adapters.lora;

import java.util.ArrayList;
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
 * the base model, {@code lora_A.weight} and the like after it; a saved module's is that of the base
 * model. Source: PEFT's {@code get_peft_model_state_dict}.
 */
public final class LoraType implements AdapterType {
  static final String PEFT_TYPE = "LORA";

  private static final String TOKENS = TokenRows.NAME + "." + TokenRows.ROWS;

  @Override
  public String peftType() {
    return PEFT_TYPE;
  }

  @Override
  public SavedAdapter read(PeftAdapter folder) {
    return new Reading(folder, LoraFields.read(folder.config())).all();
  }

  /** One folder, with what its config says. */
  private record Reading(PeftAdapter folder, LoraConfig config) {
    SavedAdapter all() {
      Map<AdapterTensor, Entry> tensors = new LinkedHashMap<>();
      Map<String, Entry> baseWeights = new LinkedHashMap<>();
      folder
          .tensors()
          .forEach(
              (name, entry) -> {
                Optional<AdapterTensor> own = parse(name);
                Object twice =
                    own.isPresent()
                        ? tensors.put(own.get(), entry)
                        : baseWeights.put(baseWeight(name), entry);
                if (twice != null) {
                  throw folder.unsound(Texts.quoted(name) + " is given twice");
                }
              });
      List<String> targets = LoraFields.targetModules(folder.config());
      TreeSet<String> linears = new TreeSet<>();
      tensors.forEach(
          (tensor, entry) -> {
            if (tensor.parameter().contains("lora_")) {
              boolean ofExperts = isExperts(tensor.module());
              check(targets, tensor, entry, ofExperts);
              requireOthers(tensors, tensor, ofExperts);
              if (!ofExperts) {
                linears.add(tensor.module());
              }
            }
          });
      return new SavedAdapter(
          folder.path(),
          folder.file(),
          config.of(TargetModules.of(List.copyOf(linears))),
          tensors,
          baseWeights);
    }

    /** Names of a linear's tensors below its path. */
    private List<String> ofLinear() {
      List<String> all = new ArrayList<>(List.of(LoraAdapter.A, LoraAdapter.B));
      if (config.variant().bias()) {
        all.add(LoraAdapter.BIAS);
      }
      if (config.variant().dora()) {
        all.add(DoraAdapter.MAGNITUDE);
      }
      return all;
    }

    /**
     * What the name in a file stands for; empty for a weight of the base.
     *
     * @throws InputException if it is neither
     */
    private Optional<AdapterTensor> parse(String name) {
      if (name.startsWith(PeftAdapter.PREFIX)) {
        String path = name.substring(PeftAdapter.PREFIX.length());
        for (String parameter : ofLinear()) {
          String module = before(path, parameter);
          if (!module.isEmpty()) {
            String outer = before(module, LoraExperts.INNER);
            return Optional.of(
                isExperts(outer)
                    ? new AdapterTensor(outer, LoraExperts.INNER + "." + parameter)
                    : new AdapterTensor(module, parameter));
          }
        }
        String table = before(path, TOKENS);
        if (!table.isEmpty() && !config.beside().tokens().isEmpty()) {
          return Optional.of(new AdapterTensor(table, TOKENS));
        }
        Optional<AdapterTensor> copy = config.modulesToSave().parse(path);
        if (copy.isPresent() || (path.endsWith(".weight") && !name.contains(".lora_"))) {
          return copy;
        }
      }
      throw new InputException(
          "%s: adapter tensor %s %s"
              .formatted(
                  folder.file(),
                  Texts.quoted(name),
                  name.contains(".lora_embedding_")
                      ? "adapts an embedding, which is not supported; " + SavedAdapter.MERGE
                      : "is not named base_model.model.MODULE followed by %s; save the adapter with PEFT's save_pretrained"
                          .formatted(String.join(" or ", ofLinear()))));
    }

    /** What stands before a path's end; empty where it has another. */
    private static String before(String path, String end) {
      return path.endsWith("." + end) ? path.substring(0, path.length() - end.length() - 1) : "";
    }

    private boolean isExperts(String module) {
      return !module.isEmpty()
          && config.beside().parameters().stream()
              .map(p -> p.substring(0, Math.max(0, p.lastIndexOf('.'))))
              .anyMatch(end -> TargetModules.of(List.of(end)).matches(module));
    }

    /**
     * The name in the base model of one of its weights that PEFT saves along: those of embedding
     * and head where one of them is adapted, or {@code save_embedding_layers} asks for it.
     */
    private static String baseWeight(String name) {
      String path = name.substring(PeftAdapter.PREFIX.length());
      return before(path, "weight").replaceFirst("(\\.token_adapter)?\\.base_layer$", "")
          + ".weight";
    }

    private void check(List<String> targets, AdapterTensor tensor, Entry entry, boolean ofExperts) {
      String name = Texts.quoted(entry.name());
      if (!ofExperts && !targets.isEmpty() && !TargetModules.of(targets).matches(tensor.module())) {
        throw folder.unsound(name + " belongs to none of the target modules " + targets);
      }
      List<Long> shape = entry.shape();
      int rank = config.sizeOf(tensor.module()).rank();
      boolean isA = tensor.parameter().endsWith(LoraAdapter.A);
      if (!isA && !tensor.parameter().endsWith(LoraAdapter.B)) {
        return;
      }
      long own = shape.size() == 2 ? shape.get(isA ? 0 : 1) : -1;
      if (ofExperts ? own <= 0 || own % rank != 0 : own != rank) {
        String size = ofExperts ? "experts * " + rank : Integer.toString(rank);
        String expected = isA ? "[" + size + ", in]" : "[out, " + size + "]";
        throw folder.unsound(name + " has the shape " + shape + ", expected " + expected);
      }
    }

    private void requireOthers(
        Map<AdapterTensor, Entry> tensors, AdapterTensor tensor, boolean ofExperts) {
      boolean inner = tensor.parameter().startsWith(LoraExperts.INNER);
      for (String other : ofExperts ? List.of(LoraAdapter.A, LoraAdapter.B) : ofLinear()) {
        String parameter = inner ? LoraExperts.INNER + "." + other : other;
        if (!tensors.containsKey(new AdapterTensor(tensor.module(), parameter))) {
          throw folder.unsound(
              "'%s%s.%s' is missing".formatted(PeftAdapter.PREFIX, tensor.module(), parameter));
        }
      }
    }
  }
}
