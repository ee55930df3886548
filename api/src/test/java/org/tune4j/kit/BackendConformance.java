package org.tune4j.kit;

/**
 * Tests a backend. A third party writes
 *
 * <pre>{@code
 * final class MyConformanceTest extends BackendConformance {
 *   @Override
 *   protected BackendProvider provider() {
 *     return new MyBackendProvider();
 *   }
 * }
 * }</pre>
 *
 * <p>Rules are numbered by chapter: 1 storage, views, types and capabilities; 2 primitives, forward
 * against the backend {@code reference} and backward against it and against finite differences; 3
 * autograd; 4 scopes and error texts; 5 operations over primitives, against formulas written out; 6
 * kernels against the defaults; 7 threads and memory. A wrong primitive fails its rule of chapters
 * 1 to 3, and as a consequence what is built on it in later chapters: read the first failure first.
 *
 * <p>Values are drawn from a seed that every failure prints; {@code -Dtune4j.kit.seed=N} draws
 * others. {@code -Dtune4j.test.device=cuda} runs every rule on a GPU. Tolerances are in {@code
 * Tolerance}. Rules 7_02 and 7_03 take seconds and have the JUnit tag {@code endurance}; {@code
 * -Dtune4j.kit.steps=N} makes them N steps long instead of 10,000.
 */
public abstract class BackendConformance extends EnduranceRules {}
