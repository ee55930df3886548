/** The commands that use a trained model: generate, chat, serve, eval, merge. */
@NullMarked
package org.tune4j.cli.model;

import org.jspecify.annotations.NullMarked;
