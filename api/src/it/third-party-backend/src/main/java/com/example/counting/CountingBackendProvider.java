package com.example.counting;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import org.tune4j.reference.ReferenceBackendProvider;
import org.tune4j.spi.Availability;
import org.tune4j.spi.Backend;
import org.tune4j.spi.BackendOptions;
import org.tune4j.spi.BackendProvider;
import org.tune4j.spi.Capability;
import org.tune4j.spi.Kernels;
import org.tune4j.spi.TensorHandle;
import org.tune4j.tensor.DType;

/**
 * {@code backend=counting}: the reference backend with a kernel for SwiGLU, and a count of the
 * calls of each primitive.
 */
public final class CountingBackendProvider implements BackendProvider {
  private final ReferenceBackendProvider reference = new ReferenceBackendProvider();
  private final Map<String, LongAdder> calls = new ConcurrentHashMap<>();

  /** How often a primitive was called on the backends that this provider opened. */
  public long calls(String primitive) {
    LongAdder n = calls.get(primitive);
    return n == null ? 0 : n.sum();
  }

  @Override
  public String name() {
    return "counting";
  }

  @Override
  public String version() {
    return "1.0 on " + reference.version();
  }

  @Override
  public Availability availability() {
    return reference.availability();
  }

  @Override
  public Set<Capability> capabilities() {
    return reference.capabilities();
  }

  @Override
  public Set<DType> dtypes() {
    return reference.dtypes();
  }

  @Override
  public Backend open(BackendOptions options) {
    Backend inner = reference.open(options);
    return (Backend)
        Proxy.newProxyInstance(
            Backend.class.getClassLoader(),
            new Class<?>[] {Backend.class},
            (proxy, method, arguments) -> {
              switch (method.getName()) {
                case "name":
                  return name();
                case "version":
                  return version();
                case "kernels":
                  return new SwiGlu((Backend) proxy);
                default:
                  calls.computeIfAbsent(method.getName(), n -> new LongAdder()).increment();
              }
              try {
                return method.invoke(inner, arguments);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }

  /** {@code gate * sigmoid(gate) * up}; what lies between is released at once. */
  private record SwiGlu(Backend backend) implements Kernels {
    @Override
    public TensorHandle swiGlu(TensorHandle gate, TensorHandle up) {
      TensorHandle sigmoid = backend.unary(Backend.Unary.SIGMOID, gate);
      TensorHandle silu = backend.binary(Backend.Binary.MUL, gate, sigmoid);
      TensorHandle out = backend.binary(Backend.Binary.MUL, silu, up);
      backend.release(sigmoid);
      backend.release(silu);
      return out;
    }
  }
}
