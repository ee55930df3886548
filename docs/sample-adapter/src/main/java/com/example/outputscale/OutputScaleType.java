package com.example.outputscale;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.tune4j.adapters.AdapterTensor;
import org.tune4j.adapters.AdapterType;
import org.tune4j.adapters.SavedAdapter;
import org.tune4j.adapters.TargetModules;
import org.tune4j.checkpoint.PeftAdapter;
import org.tune4j.checkpoint.SafetensorsFile.Entry;

/** Reads a saved adapter whose peft_type is OUTPUT_SCALE. */
public final class OutputScaleType implements AdapterType {
  static final String PEFT_TYPE = "OUTPUT_SCALE";

  @Override
  public String peftType() {
    return PEFT_TYPE;
  }

  @Override
  public SavedAdapter read(PeftAdapter folder) {
    Map<AdapterTensor, Entry> tensors = new LinkedHashMap<>();
    folder.tensors().forEach((name, entry) -> tensors.put(parse(folder, name), entry));
    List<String> modules = tensors.keySet().stream().map(AdapterTensor::module).toList();
    OutputScaleConfig config = new OutputScaleConfig(TargetModules.of(modules));
    return new SavedAdapter(folder.path(), folder.file(), config, tensors, Map.of());
  }

  /** A tensor's name is {@code base_model.model.}, the linear's path, {@code .output_scale}. */
  private static AdapterTensor parse(PeftAdapter folder, String name) {
    String end = "." + OutputScale.SCALE;
    if (!name.startsWith(PeftAdapter.PREFIX) || !name.endsWith(end)) {
      throw folder.unsound("'%s' is not an output scale".formatted(name));
    }
    String module = name.substring(PeftAdapter.PREFIX.length(), name.length() - end.length());
    return new AdapterTensor(module, OutputScale.SCALE);
  }
}
