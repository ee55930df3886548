package org.tune4j.cli;

import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Takes Ctrl-C (SIGINT) from the JVM while it is open. The standard library has no signals, and a
 * shutdown hook hears the first one alone; {@code sun.misc.Signal}, of the module {@code
 * jdk.unsupported}, is in every JDK. It is called by reflection, as compilers warn of its name. A
 * process that was started with SIGINT ignored goes on ignoring it.
 */
final class CtrlC implements AutoCloseable {
  private final @Nullable AutoCloseable restore;

  private CtrlC(@Nullable AutoCloseable restore) {
    this.restore = restore;
  }

  /**
   * Takes it from now on; does nothing where the JVM lets nobody.
   *
   * @param taken is called for each, on a thread of its own, with what the JVM would have done: it
   *     ends the process, shutdown hooks first
   */
  static CtrlC take(Consumer<Runnable> taken) {
    try {
      Class<?> signal = Class.forName("sun.misc.Signal");
      Class<?> handler = Class.forName("sun.misc.SignalHandler");
      Method install = signal.getMethod("handle", signal, handler);
      Method handle = handler.getMethod("handle", signal);
      Object interrupt = signal.getConstructor(String.class).newInstance("INT");
      @Nullable Object[] before = new Object[1];
      Runnable otherwise = () -> invoke(handle, Objects.requireNonNull(before[0]), interrupt);
      Object mine =
          Proxy.newProxyInstance(
              handler.getClassLoader(),
              new Class<?>[] {handler},
              (proxy, method, arguments) -> {
                if (!method.equals(handle)) {
                  return method.invoke(otherwise, arguments); // equals, hashCode or toString
                }
                taken.accept(otherwise);
                return null;
              });
      before[0] = install.invoke(null, interrupt, mine);
      return new CtrlC(() -> invoke(install, null, interrupt, before[0]));
    } catch (ReflectiveOperationException e) {
      return new CtrlC(null); // such as under -Xrs
    }
  }

  private static void invoke(Method method, @Nullable Object on, @Nullable Object... arguments) {
    try {
      method.invoke(on, arguments);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void close() {
    try {
      if (restore != null) {
        restore.close();
      }
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }
}
