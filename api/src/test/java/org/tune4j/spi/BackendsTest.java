package org.tune4j.spi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.tune4j.EnvironmentException;
import org.tune4j.UsageException;
import org.tune4j.reference.ReferenceBackendProvider;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Device;

final class BackendsTest {
  private record Provider(String name, Availability availability) implements BackendProvider {
    @Override
    public String version() {
      return "1";
    }

    @Override
    public Set<Capability> capabilities() {
      return Set.of();
    }

    @Override
    public Set<DType> dtypes() {
      return Set.of();
    }

    @Override
    public Backend open(BackendOptions options) {
      throw new AssertionError("not to be opened");
    }
  }

  private static final BackendProvider READY = new Provider("ready", Availability.yes(List.of()));
  private static final BackendProvider BARE =
      new Provider("bare", Availability.no("org.example:bare has no natives; add them"));

  private static Backends of(BackendProvider... providers) {
    return new Backends(List.of(providers));
  }

  private static String refusal(
      Class<? extends RuntimeException> type, Backends backends, String name) {
    return assertThrows(type, () -> backends.find(name)).getMessage();
  }

  @Test
  void find_byName_givesIt() {
    assertSame(READY, of(BARE, READY).find("ready"));
  }

  @Test
  void find_withoutAName_givesTheFirstAvailable() {
    assertSame(READY, of(BARE, READY).find(""));
  }

  @Test
  void find_withoutAName_givesThePreferred() {
    BackendProvider other = new Provider("other", Availability.yes(List.of()));
    assertSame(other, new Backends(List.of(READY, other), "other").find(""));
    assertSame(other, new Backends(List.of(READY), "other").and(List.of(other)).find(""));
    assertSame(READY, new Backends(List.of(READY, other), "other").find("ready"));
  }

  @Test
  void find_unknown_saysWhatIsThereAndWhichJarToAdd() {
    assertEquals(
        "backend 'djl' was requested, there are bare, ready; add the jar that contains it, such as"
            + " org.tune4j:tune4j-backend-javacpp or org.tune4j:tune4j-backend-djl",
        refusal(UsageException.class, of(BARE, READY), "djl"));
  }

  @Test
  void find_onAnEmptyClassPath_saysWhichJarToAdd() {
    assertEquals(
        "backend 'djl' was requested, none is on the class path; add the jar that contains it, such"
            + " as org.tune4j:tune4j-backend-javacpp or org.tune4j:tune4j-backend-djl",
        refusal(UsageException.class, of(), "djl"));
    assertEquals(
        "no backend is available: none is on the class path; add org.tune4j:tune4j-backend-javacpp"
            + " or org.tune4j:tune4j-backend-djl",
        refusal(UsageException.class, of(), ""));
  }

  @Test
  void find_unavailable_saysWhy() {
    assertEquals(
        "backend 'bare' is not available: org.example:bare has no natives; add them",
        refusal(EnvironmentException.class, of(BARE, READY), "bare"));
    assertEquals(
        "no backend is available: 'bare' is not (org.example:bare has no natives; add them); add"
            + " org.tune4j:tune4j-backend-javacpp or org.tune4j:tune4j-backend-djl",
        refusal(UsageException.class, of(BARE), ""));
  }

  @Test
  void two_ofOneName_areRefused() {
    BackendProvider other = new Provider("ready", Availability.yes(List.of(Device.CPU)));
    assertEquals(
        ("two backends are called 'ready': %s and %s; take one off the class path")
            .formatted(Provider.class.getName(), Provider.class.getName()),
        assertThrows(UsageException.class, () -> of(READY, other)).getMessage());
  }

  @Test
  void installed_findsWhatTheServiceFileNames() {
    assertTrue(
        Backends.installed().find("reference") instanceof ReferenceBackendProvider,
        "the provider of this test-jar's service file");
  }

  @Test
  void availability_withoutAReason_isNoRefusal() {
    assertThrows(IllegalArgumentException.class, () -> Availability.no(""));
  }
}
