package org.tune4j.launcher;

import com.google.inject.AbstractModule;
import com.google.inject.Guice;
import com.google.inject.Injector;
import com.google.inject.Provides;
import com.google.inject.Singleton;
import org.tune4j.cli.Tune;
import org.tune4j.config.ComponentRegistry;
import org.tune4j.spi.Backends;

/** Starts {@code tune}. */
public final class Launcher {
  private Launcher() {}

  /** The process's entry. */
  public static void main(String[] args) {
    Injector injector = Guice.createInjector(new Wiring());
    System.exit(injector.getInstance(Tune.class).execute(args, System.out, System.err));
  }

  /** What the commands are given; each is made when first asked for. */
  static final class Wiring extends AbstractModule {
    @Provides
    @Singleton
    Backends backends() {
      return Backends.installed();
    }

    @Provides
    @Singleton
    ComponentRegistry components() {
      return ComponentRegistry.installed();
    }
  }
}
