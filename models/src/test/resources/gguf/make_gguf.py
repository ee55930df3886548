"""Writes quants.safetensors: random blocks of each of GGUF's types, and what llama.cpp's gguf package makes of them; and a tiny Llama.

    pip install gguf safetensors
    python make_gguf.py
"""
import os
import numpy as np
from gguf import GGMLQuantizationType as T
from gguf.constants import GGML_QUANT_SIZES
from gguf.quants import dequantize, quantize
import json, struct

random = np.random.default_rng(18)
tensors = {}
SCALES = {"Q8_0": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2],
          "Q5_K": [0, 2], "Q6_K": [208], "IQ4_NL": [0], "MXFP4": []}
for name, scales in SCALES.items():
    elements, size = GGML_QUANT_SIZES[T[name]]
    blocks = random.integers(0, 256, (2, 3, size), dtype=np.uint8)
    for at in scales:  # scales that no weight has, such as NaN, would hide what else is wrong
        blocks[..., at:at + 2] = (random.standard_normal((2, 3)) / 50).astype(np.float16).view(np.uint8).reshape(2, 3, 2)
    if name == "MXFP4":
        blocks[..., 0] = [[127, 120, 0], [1, 2, 130]]
    stored = blocks.reshape(2, 3 * size)
    tensors[name + ".stored"] = stored
    tensors[name + ".values"] = dequantize(stored, T[name]).astype(np.float32)
values = (random.standard_normal((2, 512)) / 10).astype(np.float32)
values[0, :32] = 0
tensors["quantised.values"] = values
for name in ("Q8_0", "Q4_0"):
    tensors["quantised." + name] = quantize(values, T[name])

header, at, data = {}, 0, b""
for name in sorted(tensors):
    t = tensors[name]
    header[name] = {"dtype": "F32" if t.dtype == np.float32 else "U8", "shape": list(t.shape), "data_offsets": [at, at + t.nbytes]}
    at, data = at + t.nbytes, data + t.tobytes()
raw = json.dumps(header, separators=(",", ":")).encode()
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "quants.safetensors"), "wb") as f:
    f.write(struct.pack("<Q", len(raw)) + raw + data)

# The tiny Llama of ../torch, whose q and k llama.cpp has in another order of rows.
from gguf import GGUFWriter

here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "../torch/hf/expected.safetensors"), "rb") as f:
    n = struct.unpack("<Q", f.read(8))[0]
    entries, data = json.loads(f.read(n)), f.read()
NAMES = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
         "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
         "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm"}
TOP = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
w = GGUFWriter(os.path.join(here, "tiny.gguf"), "llama")
w.add_context_length(8192), w.add_embedding_length(16), w.add_block_count(1), w.add_feed_forward_length(48), w.add_head_count(4)
w.add_head_count_kv(2), w.add_rope_freq_base(500000.0), w.add_layer_norm_rms_eps(1e-5), w.add_vocab_size(24)
w.add_tokenizer_model("gpt2"), w.add_tokenizer_pre("smollm"), w.add_token_list(["<s>", "</s>"] + list("abcdefghijklmnopqrs\u0120") + ["ab", "\u0120a"])
w.add_token_types([3, 3] + [1] * 22), w.add_token_merges(["a b", "\u0120 a"]), w.add_bos_token_id(0), w.add_eos_token_id(1)
w.add_chat_template("{{ messages[0]['content'] }}")
for name, e in entries.items():
    if name == "__metadata__":
        continue
    values = np.frombuffer(data[slice(*e["data_offsets"])], np.uint8).reshape(*e["shape"][:-1], -1)
    stem = name.removesuffix(".weight")
    heads = {"q": 4, "k": 2}.get(stem.split(".")[-1].removesuffix("_proj")) if "self_attn" in stem else None
    if heads:
        values = values.reshape(heads, 2, values.shape[0] // heads // 2, -1).swapaxes(1, 2).reshape(values.shape)
    known = TOP.get(stem) or "blk.0." + NAMES[stem.removeprefix("model.layers.0.")]
    w.add_tensor(known + ".weight", np.ascontiguousarray(values), raw_dtype=T.BF16)
w.write_header_to_file(), w.write_kv_data_to_file(), w.write_tensors_to_file(), w.close()

# The same in two files, as llama.cpp's gguf-split cuts it: metadata in the first, tensors in both.
from gguf import GGUFReader

os.makedirs(os.path.join(here, "split"), exist_ok=True)
whole = GGUFReader(os.path.join(here, "tiny.gguf"))
with open(os.path.join(here, "tiny.gguf"), "rb") as f:
    raw = f.read()
half = len(whole.tensors) // 2
keys = [f for f in whole.fields.values() if not f.name.startswith("GGUF.")]
for i, tensors in enumerate((whole.tensors[:half], whole.tensors[half:])):
    kv = [raw[k.offset:k.offset + sum(p.nbytes for p in k.parts)] for k in keys] if i == 0 else []
    for name, kind, value in (("split.no", 2, i), ("split.count", 2, 2), ("split.tensors.count", 5, len(whole.tensors))):
        kv.append(struct.pack("<Q", len(name)) + name.encode() + struct.pack("<I", kind) + struct.pack({2: "<H", 5: "<i"}[kind], value))
    infos, data = b"", b""
    for t in tensors:
        infos += struct.pack("<Q", len(t.name)) + t.name.encode() + struct.pack("<I", len(t.shape)) + struct.pack(f"<{len(t.shape)}Q", *t.shape)
        infos += struct.pack("<IQ", t.tensor_type, len(data))
        data += t.data.tobytes()
        data += bytes(-len(data) % 32)
    head = struct.pack("<IIQQ", 0x46554747, 3, len(tensors), len(kv)) + b"".join(kv) + infos
    with open(os.path.join(here, "split", f"tiny-0000{i + 1}-of-00002.gguf"), "wb") as f:
        f.write(head + bytes(-len(head) % 32) + data)
