/**
 * From rows in files to token ids and labels, and the order in which they are taken.
 *
 * <p>A config's section is a {@link org.tune4j.data.DatasetSpec}; opened, it is a {@link
 * org.tune4j.data.Dataset}. Between them: files are read row by row, a row becomes messages, the
 * tokenizer makes ids and masks of them, and those are stored in the {@link
 * org.tune4j.data.DataCache}, mapped, and read when a step asks. Start at {@link
 * org.tune4j.data.AlpacaDataset}. Knows tokenizers, not models.
 */
@NullMarked
package org.tune4j.data;

import org.jspecify.annotations.NullMarked;
