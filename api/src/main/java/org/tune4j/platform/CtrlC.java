package org.tune4j.platform;

import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Takes Ctrl-C (SIGINT) from the JVM while it is open. The standard library has no signals, and a
 * shutdown hook hears the first one alone; {@code sun.misc.Signal}, of the module {@code
 * jdk.unsupported}, is in every JDK. It is called by reflection, as compilers warn of its name. A
 * process that was started with SIGINT ignored goes on ignoring it.
 */
public final class CtrlC implements AutoCloseable {
  /** Makes something the handler of SIGINT. */
  private interface Install {
    @Nullable Object handler(@Nullable Object next) throws ReflectiveOperationException;
  }

  private final Install install;
  private final @Nullable Object ofJvm;
  private final @Nullable Object mine;

  /** What Ctrl-C does. */
  @FunctionalInterface
  public interface Taken {
    /**
     * Called for each, on a thread of its own.
     *
     * @param release leaves the next one to the system, which ends the process at once: nothing is
     *     run, not even C++'s destructors, which crash where threads still compute
     * @param exit ends the process as the JVM would, shutdown hooks first
     */
    void pressed(Runnable release, Runnable exit);
  }

  private CtrlC(Install install, @Nullable Object ofJvm, @Nullable Object mine) {
    this.install = install;
    this.ofJvm = ofJvm;
    this.mine = mine;
  }

  /**
   * Takes it from now on; does nothing where the JVM lets nobody.
   *
   * @param taken what it does
   * @return gives it back to the JVM when closed
   */
  public static CtrlC take(Taken taken) {
    try {
      Class<?> signal = Class.forName("sun.misc.Signal");
      Class<?> handler = Class.forName("sun.misc.SignalHandler");
      Method handle = handler.getMethod("handle", signal);
      Method set = signal.getMethod("handle", signal, handler);
      Object standard = handler.getField("SIG_DFL").get(null);
      Object interrupt = signal.getConstructor(String.class).newInstance("INT");
      Install install = next -> set.invoke(null, interrupt, next);
      @Nullable Object[] before = new Object[1];
      Object mine =
          Proxy.newProxyInstance(
              handler.getClassLoader(),
              new Class<?>[] {handler},
              (proxy, method, arguments) -> {
                if (!method.equals(handle)) {
                  return method.invoke(taken, arguments); // equals, hashCode or toString
                }
                taken.pressed(
                    () -> unchecked(install, standard),
                    () -> unchecked(h -> handle.invoke(h, interrupt), before[0]));
                return null;
              });
      before[0] = Objects.requireNonNull(install.handler(mine));
      return new CtrlC(install, before[0], mine);
    } catch (ReflectiveOperationException e) {
      return new CtrlC(next -> null, null, null); // such as under -Xrs
    }
  }

  private static void unchecked(Install install, @Nullable Object next) {
    try {
      Object unused = install.handler(next);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Takes it again after it was released. */
  public void again() {
    unchecked(install, mine);
  }

  @Override
  public void close() {
    unchecked(install, ofJvm);
  }
}
