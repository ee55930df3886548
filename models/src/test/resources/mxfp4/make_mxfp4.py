"""Writes experts of 4 bits, and what transformers makes of them.

    pip install transformers torch safetensors accelerate
    python make_mxfp4.py
"""
import json
import os

import torch
from safetensors.torch import save_file
from transformers.integrations.mxfp4 import convert_moe_packed_tensors

random = torch.Generator().manual_seed(18)
blocks = torch.randint(0, 256, (3, 6, 2, 16), generator=random, dtype=torch.uint8)
scales = torch.randint(110, 140, (3, 6, 2), generator=random, dtype=torch.uint8)
name = "model.layers.0.mlp.experts.gate_up_proj"
os.chdir(os.path.dirname(os.path.abspath(__file__)))
save_file({name + "_blocks": blocks, name + "_scales": scales}, "model.safetensors")
save_file({name: convert_moe_packed_tensors(blocks, scales)}, "expected.safetensors")
with open("config.json", "w") as file:
    json.dump({"model_type": "gpt_oss", "quantization_config": {"quant_method": "mxfp4"}}, file)
