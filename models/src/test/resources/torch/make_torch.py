"""Writes one tiny Llama as safetensors, as Hugging Face's pytorch_model.bin and as Meta's consolidated.00.pth, also in two files.

    pip install torch transformers
    python make_torch.py
"""
import json, os, sys
import torch
from safetensors.torch import save_file

here = os.path.dirname(os.path.abspath(__file__))
torch.manual_seed(18)
H, KV, DIM, FF, VOCAB = 4, 2, 16, 48, 24
W = lambda *s: torch.randn(*s).to(torch.bfloat16)
hf = {"model.embed_tokens.weight": W(VOCAB, DIM), "model.norm.weight": W(DIM), "lm_head.weight": W(VOCAB, DIM)}
p = "model.layers.0."
hf |= {p + "self_attn.q_proj.weight": W(DIM, DIM), p + "self_attn.k_proj.weight": W(DIM * KV // H, DIM),
       p + "self_attn.v_proj.weight": W(DIM * KV // H, DIM), p + "self_attn.o_proj.weight": W(DIM, DIM),
       p + "mlp.gate_proj.weight": W(FF, DIM), p + "mlp.up_proj.weight": W(FF, DIM), p + "mlp.down_proj.weight": W(DIM, FF),
       p + "input_layernorm.weight": W(DIM), p + "post_attention_layernorm.weight": W(DIM)}
save_file(hf, f"{here}/hf/expected.safetensors")


class Model(torch.nn.Module):  # its state_dict is an OrderedDict with _metadata
    def __init__(self):
        super().__init__()


state = Model().state_dict()
state.update(hf)
# a parameter, a view into a larger storage, another type, and a buffer that the model computes
state["model.norm.weight"] = torch.nn.Parameter(hf["model.norm.weight"])
both = torch.cat([hf[p + "mlp.gate_proj.weight"], hf[p + "mlp.up_proj.weight"]])
state[p + "mlp.gate_proj.weight"], state[p + "mlp.up_proj.weight"] = both[:FF], both[FF:]
state[p + "self_attn.rotary_emb.inv_freq"] = torch.arange(2.0)
torch.save(state, f"{here}/hf/pytorch_model.bin")


def meta(w, heads):  # the inverse of transformers' permute
    return w.view(heads, 2, w.shape[0] // heads // 2, w.shape[1]).transpose(1, 2).reshape(w.shape).contiguous()


whole = {"tok_embeddings.weight": hf["model.embed_tokens.weight"], "norm.weight": hf["model.norm.weight"],
            "output.weight": hf["lm_head.weight"], "rope.freqs": torch.arange(2.0),
            "layers.0.attention.wq.weight": meta(hf[p + "self_attn.q_proj.weight"], H),
            "layers.0.attention.wk.weight": meta(hf[p + "self_attn.k_proj.weight"], KV),
            "layers.0.attention.wv.weight": hf[p + "self_attn.v_proj.weight"],
            "layers.0.attention.wo.weight": hf[p + "self_attn.o_proj.weight"],
            "layers.0.feed_forward.w1.weight": hf[p + "mlp.gate_proj.weight"],
            "layers.0.feed_forward.w2.weight": hf[p + "mlp.down_proj.weight"],
            "layers.0.feed_forward.w3.weight": hf[p + "mlp.up_proj.weight"],
            "layers.0.attention_norm.weight": hf[p + "input_layernorm.weight"],
            "layers.0.ffn_norm.weight": hf[p + "post_attention_layernorm.weight"]}
torch.save(whole, f"{here}/meta/consolidated.00.pth")
for version, embedding in (("meta2", 1), ("meta3", 0)):  # as fairscale's layers cut them for Llama 2, and for Llama 3
    cut = lambda name: embedding if "tok_" in name else 1 if ".wo." in name or ".w2." in name else 0
    os.makedirs(f"{here}/{version}", exist_ok=True)
    for i in range(2):
        torch.save({k: v.clone() if v.dim() == 1 else v.chunk(2, cut(k))[i].contiguous().clone() for k, v in whole.items()},
                   f"{here}/{version}/consolidated.0{i}.pth")
json.dump({"dim": DIM, "n_layers": 1, "n_heads": H, "n_kv_heads": KV, "vocab_size": VOCAB, "multiple_of": 16,
           "norm_eps": 1e-5, "rope_theta": 500000.0}, open(f"{here}/meta/params.json", "w"))
json.dump({"model_type": "llama", "hidden_size": DIM, "intermediate_size": FF, "num_hidden_layers": 1, "vocab_size": VOCAB,
           "num_attention_heads": H, "num_key_value_heads": KV, "rms_norm_eps": 1e-5, "rope_theta": 500000.0,
           "max_position_embeddings": 8192}, open(f"{here}/hf/config.json", "w"))
