/**
 * From rows in files to token ids and labels, and the order in which they are taken.
 *
 * <p>Start at {@link org.tune4j.data.AlpacaDataset}. Knows tokenizers, not models.
 */
@NullMarked
package org.tune4j.data;

import org.jspecify.annotations.NullMarked;
