package org.tune4j.models;

import org.tune4j.tensor.Engine;

class DecoderTest extends DecoderContract {
  @Override
  Engine engine() {
    return TestBackend.engine();
  }
}
