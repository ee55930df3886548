package org.tune4j.reference;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;
import static org.junit.platform.launcher.TagFilter.excludeTags;
import static org.junit.platform.launcher.TagFilter.includeTags;

import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.TestExecutionResult.Status;
import org.junit.platform.launcher.PostDiscoveryFilter;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;
import org.tune4j.spi.Backend;
import org.tune4j.spi.BackendOptions;

/** The kit itself: every broken backend fails the rules it breaks, and no other. */
final class BackendConformanceTest {
  @Test
  void kit_onTheReference_failsNothing() {
    assertEquals(
        List.of(),
        failures(new ReferenceBackend(BackendOptions.DEFAULT), excludeTags("endurance")));
  }

  static Stream<Fault> faults() {
    return Stream.<Fault[]>of(PrimitiveFault.values(), KernelFault.values())
        .flatMap(Arrays::stream);
  }

  @ParameterizedTest
  @MethodSource("faults")
  void kit_onABrokenBackend_failsTheRulesItBreaks(Fault fault) {
    PostDiscoveryFilter which =
        fault.isSlow() ? includeTags("endurance") : excludeTags("endurance");
    assertEquals(fault.rules(), failures(fault.open(), which));
  }

  /** The failed rules by number, in order; chapters 5 to 7 only where 1 to 4 hold. */
  private static List<String> failures(Backend backend, PostDiscoveryFilter which) {
    BrokenConformance.broken = backend;
    TreeSet<String> failed = new TreeSet<>();
    TestExecutionListener listener =
        new TestExecutionListener() {
          @Override
          public void executionFinished(TestIdentifier test, TestExecutionResult result) {
            if (result.getStatus() == Status.FAILED) {
              failed.add(test.isTest() ? number(test.getDisplayName()) : test.getDisplayName());
            }
          }
        };
    LauncherFactory.create()
        .execute(
            LauncherDiscoveryRequestBuilder.request()
                .selectors(selectClass(BrokenConformance.class))
                .filters(which)
                .build(),
            listener);
    List<String> early = failed.stream().filter(f -> f.compareTo("5") < 0).toList();
    return early.isEmpty() ? List.copyOf(failed) : early;
  }

  /** {@code rule2_03_mul_forward_...()} is {@code 2_03}. */
  private static String number(String name) {
    return name.substring("rule".length(), "rule".length() + 4);
  }
}
