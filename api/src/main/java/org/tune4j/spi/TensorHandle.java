package org.tune4j.spi;

/**
 * A backend's own tensor; opaque to everyone else. A view has a handle of its own over its base's
 * storage.
 */
public interface TensorHandle {}
