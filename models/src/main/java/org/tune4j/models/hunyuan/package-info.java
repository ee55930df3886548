/**
 * Hunyuan (Tencent 2025), the dense models: Llama's blocks with norms of the rotated heads.
 *
 * <p>Start at {@link org.tune4j.models.hunyuan.HunyuanFamily}.
 */
@NullMarked
package org.tune4j.models.hunyuan;

import org.jspecify.annotations.NullMarked;
