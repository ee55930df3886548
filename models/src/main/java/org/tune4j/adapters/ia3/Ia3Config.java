package org.tune4j.adapters.ia3;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.tune4j.adapters.AdapterConfig;
import org.tune4j.adapters.AdapterType;
import org.tune4j.adapters.ModulesToSave;
import org.tune4j.adapters.SavedAdapter;
import org.tune4j.adapters.TargetModules;
import org.tune4j.models.layers.Linear;
import org.tune4j.models.layers.LinearAdapter;

/**
 * Which linears are scaled, by the names of PEFT's {@code IA3Config}.
 *
 * @param targets the adapted linears
 * @param feedforward those of them whose input is scaled
 * @param modulesToSave modules of which a copy is trained
 */
public record Ia3Config(
    TargetModules targets, TargetModules.Names feedforward, ModulesToSave modulesToSave)
    implements AdapterConfig {
  @Override
  public AdapterType type() {
    return new Ia3Type();
  }

  @Override
  public LinearAdapter create(String path, Linear linear) {
    return new Ia3Adapter(linear, feedforward.matches(path));
  }

  @Override
  public AdapterConfig saving(String module) {
    return new Ia3Config(targets, feedforward, modulesToSave.with(module));
  }

  @Override
  public Map<String, Object> peftFields(List<String> targetModules) {
    Map<String, Object> fields = new TreeMap<>();
    fields.put("fan_in_fan_out", false);
    fields.put(
        "feedforward_modules",
        feedforward.expression().isEmpty() ? feedforward.names() : feedforward.expression());
    fields.put("inference_mode", true);
    fields.put("init_ia3_weights", true);
    fields.put("modules_to_save", modulesToSave.names().isEmpty() ? null : modulesToSave.names());
    fields.put("peft_type", Ia3Type.PEFT_TYPE);
    fields.put("target_modules", targetModules);
    fields.put(SavedAdapter.TASK_TYPE, SavedAdapter.TOKENS);
    return fields;
  }
}
