package org.tune4j.models.auto;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
import org.tune4j.adapters.AdapterConfig;
import org.tune4j.adapters.AdapterType;
import org.tune4j.adapters.SavedAdapter;
import org.tune4j.adapters.TargetModules;
import org.tune4j.models.ModelRegistry;
import org.tune4j.models.layers.Linear;
import org.tune4j.models.layers.LinearAdapter;
import org.tune4j.nn.Module;

/**
 * What the adapter that training starts from says of itself, of whatever type. It adapts nothing
 * before that adapter is read.
 *
 * @param models know the adapters' types
 */
record AsSaved(ModelRegistry models) implements AdapterConfig {
  @Override
  public void requireStart(@Nullable Path checkpoint) {
    if (checkpoint == null) {
      throw unsaid();
    }
  }

  @Override
  public AdapterConfig resume(Path checkpoint, Module model) {
    SavedAdapter saved = models.open(checkpoint);
    saved.requireModules(model);
    return saved.config();
  }

  private static UsageException unsaid() {
    return new UsageException(
        "lora_auto has no keys: nothing would be trained; name linears in target_modules or lora_attn_modules, or set checkpointer.adapter_checkpoint, whose adapter_config.json then says everything");
  }

  @Override
  public AdapterConfig saving(String module) {
    return this; // a classifier's adapter has the head
  }

  @Override
  public AdapterType type() {
    throw unsaid();
  }

  @Override
  public TargetModules targets() {
    throw unsaid();
  }

  @Override
  public LinearAdapter create(String path, Linear linear) {
    throw unsaid();
  }

  @Override
  public Map<String, Object> peftFields(List<String> targetModules) {
    throw unsaid();
  }
}
