/**
 * The commands that list, print, copy, explain and check configs, and what other commands read of
 * one before it is bound: plugins, the recipe, the model's folder.
 */
@NullMarked
package org.tune4j.cli.config;

import org.jspecify.annotations.NullMarked;
