/**
 * Hostile files, made by seeded mutation of sound ones and read in a JVM of their own with a small
 * heap: whatever they hold, only the project's own exceptions come out, soon. Start with {@code
 * FuzzTest}.
 */
@NullMarked
package org.tune4j.fuzz;

import org.jspecify.annotations.NullMarked;
