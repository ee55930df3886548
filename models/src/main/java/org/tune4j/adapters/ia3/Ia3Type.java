package org.tune4j.adapters.ia3;

import java.util.List;
import org.tune4j.adapters.AdapterType;
import org.tune4j.adapters.ModulesToSave;
import org.tune4j.adapters.SavedAdapter;
import org.tune4j.adapters.TargetModules;
import org.tune4j.checkpoint.JsonFields;
import org.tune4j.checkpoint.PeftAdapter;

/** IA3 as PEFT saves it: {@code base_model.model.}, the linear's path, {@code ia3_l}. */
public final class Ia3Type implements AdapterType {
  static final String PEFT_TYPE = "IA3";

  @Override
  public String peftType() {
    return PEFT_TYPE;
  }

  @Override
  public SavedAdapter read(PeftAdapter folder) {
    JsonFields json = folder.config();
    ModulesToSave saved = ModulesToSave.read(json);
    Object feedforward = json.toMap().get("feedforward_modules");
    TargetModules.Names ofInput =
        feedforward == null ? TargetModules.Names.NONE : TargetModules.Names.of(feedforward);
    return SavedAdapter.of(
        folder,
        List.of(Ia3Adapter.SCALES),
        saved,
        linears -> new Ia3Config(TargetModules.of(linears), ofInput, saved));
  }
}
