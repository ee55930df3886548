package org.tune4j.adapters.vera;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.tune4j.adapters.AdapterTensor;
import org.tune4j.adapters.AdapterType;
import org.tune4j.adapters.ModulesToSave;
import org.tune4j.adapters.SavedAdapter;
import org.tune4j.adapters.TargetModules;
import org.tune4j.checkpoint.JsonFields;
import org.tune4j.checkpoint.PeftAdapter;
import org.tune4j.checkpoint.SafetensorsFile.Entry;

/**
 * VeRA as PEFT saves it: each linear's two vectors, and {@code base_model.vera_A} and {@code
 * base_model.vera_B} for all.
 */
public final class VeraType implements AdapterType {
  static final String PEFT_TYPE = "VERA";
  static final String SHARED = "base_model.";

  /** PEFT's default of {@code r}. */
  private static final int RANK = 256;

  @Override
  public String peftType() {
    return PEFT_TYPE;
  }

  @Override
  public SavedAdapter read(PeftAdapter folder) {
    JsonFields json = folder.config();
    Map<String, Entry> own = new LinkedHashMap<>(folder.tensors());
    Entry a = own.remove(SHARED + VeraProjections.A);
    Entry b = own.remove(SHARED + VeraProjections.B);
    if (a == null || b == null) {
      throw json.wrong(
          "save_projection",
          "true, for vera_A and vera_B are drawn by PyTorch's generator; save the adapter with it");
    }
    ModulesToSave saved = ModulesToSave.read(json);
    SavedAdapter vectors =
        SavedAdapter.of(
            new PeftAdapter(folder.path(), json, folder.file(), own),
            List.of(VeraAdapter.B, VeraAdapter.D),
            saved,
            linears ->
                new VeraConfig(
                    TargetModules.of(linears),
                    json.positive("r", RANK),
                    number(json, "d_initial", 0.1),
                    number(json, "vera_dropout", 0),
                    saved));
    Map<AdapterTensor, Entry> all = new LinkedHashMap<>(vectors.tensors());
    for (AdapterTensor tensor : vectors.tensors().keySet()) {
      if (tensor.parameter().equals(VeraAdapter.D)) {
        all.put(new AdapterTensor(tensor.module(), VeraProjections.A), a);
        all.put(new AdapterTensor(tensor.module(), VeraProjections.B), b);
      }
    }
    return new SavedAdapter(folder.path(), folder.file(), vectors.config(), all, Map.of());
  }

  private static double number(JsonFields json, String field, double absent) {
    JsonNode value = json.value(field);
    if (value == null) {
      return absent;
    }
    if (!value.isNumber()) {
      throw json.wrong(field, "a number");
    }
    return value.doubleValue();
  }
}
