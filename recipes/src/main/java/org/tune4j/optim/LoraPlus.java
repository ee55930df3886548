package org.tune4j.optim;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.tune4j.UsageException;
import org.tune4j.nn.Parameter;

/**
 * LoRA+ (Hayou et al. 2024): {@linkplain Parameter#isOutputFactor output factors} and vectors have
 * a larger learning rate, and biases do not decay, as in PEFT's {@code create_loraplus_optimizer}.
 */
final class LoraPlus {
  /** One learning rate for all, whatever parameters there are. */
  private static final LoraPlus OFF = new LoraPlus(List.of(), 1);

  private final List<Group> groups;
  private final double ratio;

  private enum Group {
    ALL,
    FASTER,
    FASTER_WITHOUT_DECAY
  }

  private LoraPlus(List<Group> groups, double ratio) {
    this.groups = groups;
    this.ratio = ratio;
  }

  /** The same for all. */
  static LoraPlus off() {
    return OFF;
  }

  /**
   * By role and shape.
   *
   * @param optimizer for the message
   * @throws UsageException when none is an output factor
   */
  static LoraPlus of(String optimizer, double ratio, Map<String, Parameter> parameters) {
    if (ratio == 1) {
      return OFF;
    }
    if (parameters.values().stream().noneMatch(Parameter::isOutputFactor)) {
      throw new UsageException(
          "%s: loraplus_lr_ratio is %s, but no parameter is the output factor of an adapter (lora_B); set it to 1, or strategy=ddp where weights are sharded"
              .formatted(optimizer, ratio));
    }
    List<Group> groups = new ArrayList<>();
    parameters.forEach((name, p) -> groups.add(group(name, p)));
    return new LoraPlus(groups, ratio);
  }

  private static Group group(String name, Parameter p) {
    if (!p.isOutputFactor() && p.shape().rank() != 1) {
      return Group.ALL;
    }
    return name.contains("bias") ? Group.FASTER_WITHOUT_DECAY : Group.FASTER;
  }

  /** The learning rate of a parameter. */
  double rate(int parameter, double lr) {
    return groups.isEmpty() || groups.get(parameter) == Group.ALL ? lr : lr * ratio;
  }

  /** The weight decay of a parameter. */
  double decay(int parameter, double decay) {
    return !groups.isEmpty() && groups.get(parameter) == Group.FASTER_WITHOUT_DECAY ? 0 : decay;
  }
}
