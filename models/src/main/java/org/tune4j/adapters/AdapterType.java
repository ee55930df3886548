package org.tune4j.adapters;

import java.nio.file.Path;
import org.tune4j.checkpoint.PeftAdapter;

/**
 * A type of adapter as PEFT saves it. A plugin's is found by {@link java.util.ServiceLoader}.
 *
 * <p>What the type does to a linear is an {@link org.tune4j.models.layers.Adapter}, which its
 * {@link AdapterConfig} makes.
 */
public interface AdapterType {
  /** {@return the value of {@code peft_type} in {@code adapter_config.json}} */
  String peftType();

  /**
   * {@return what a folder holds, checked in itself: names, shapes and config agree; whether it
   * fits a model is not looked at}
   *
   * @param folder whose {@code peft_type} is this one
   * @throws org.tune4j.InputException when it is not sound, or asks for something that this does
   *     not compute
   */
  SavedAdapter read(PeftAdapter folder);

  /**
   * {@return an adapter of this type}
   *
   * @param path its folder or its safetensors file
   * @throws org.tune4j.InputException when a file is missing or broken, or it is of another type or
   *     not sound
   */
  default SavedAdapter open(Path path) {
    PeftAdapter folder = PeftAdapter.open(path);
    if (!folder.config().text("peft_type").equals(peftType())) {
      throw folder
          .config()
          .wrong("peft_type", "\"%s\", which the model's builder adds".formatted(peftType()));
    }
    return read(folder);
  }
}
