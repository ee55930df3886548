"""Weighted sums of adapters by PEFT, for CombinedAdapterTest: torch 2.7.1, peft 0.21.2, transformers 4.57.6.

    python make_weighted.py

Writes the adapters `a`, `b` and `c` beside itself, and the sums by their type: `linear` of a and b, `cat` and `svd` of a,
b and c. The model has random weights, of which nothing is kept.
"""

import os
import shutil

import peft.tuners.lora.torchao
import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

peft.tuners.lora.torchao.is_torchao_available = lambda: False
HERE = os.path.dirname(os.path.abspath(__file__))
WEIGHTS = {"a": 0.7, "b": -0.4, "c": 1.5}


def main():
    torch.manual_seed(3)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=32, hidden_size=12, intermediate_size=20, num_hidden_layers=2, num_attention_heads=2,
            num_key_value_heads=1,
        )
    )
    configs = {
        "a": LoraConfig(task_type="CAUSAL_LM", r=3, lora_alpha=5, target_modules=["q_proj", "v_proj"]),
        "b": LoraConfig(task_type="CAUSAL_LM", r=3, lora_alpha=7, target_modules=["q_proj", "o_proj"], use_rslora=True),
        "c": LoraConfig(
            task_type="CAUSAL_LM", r=2, lora_alpha=4, target_modules=["q_proj", "down_proj"], rank_pattern={"down_proj": 4},
            alpha_pattern={"layers.1.self_attn.q_proj": 6},
        ),
    }
    model = get_peft_model(model, configs["a"], adapter_name="a")
    for name in "b", "c":
        model.add_adapter(name, configs[name])
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "lora_" in name:
                p.copy_(torch.randn(p.shape) / 4)
    for type, names in ("linear", "ab"), ("cat", "abc"), ("svd", "abc"):
        model.add_weighted_adapter(list(names), [WEIGHTS[n] for n in names], type, combination_type=type)
    for name in list(configs) + ["linear", "cat", "svd"]:
        model.save_pretrained(HERE, selected_adapters=[name])
        os.remove(os.path.join(HERE, name, "README.md")) if os.path.exists(os.path.join(HERE, name, "README.md")) else None
    for extra in "README.md", "__pycache__":
        path = os.path.join(HERE, extra)
        shutil.rmtree(path) if os.path.isdir(path) else os.path.exists(path) and os.remove(path)


if __name__ == "__main__":
    main()
