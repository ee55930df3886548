/**
 * gpt-oss (OpenAI 2025): mixtures of experts, attention sinks, every other layer with a window.
 *
 * <p>Start at {@link org.tune4j.models.gptoss.GptOssFamily}.
 */
@NullMarked
package org.tune4j.models.gptoss;

import org.jspecify.annotations.NullMarked;
