#!/usr/bin/env python3
"""Loads what a run has written with Python's PEFT and transformers and compares the logits.

    load_with_peft.py BASE EPOCH

BASE is the Hugging Face folder that was fine-tuned, EPOCH a folder such as out/epoch_0, written without
save_adapter_weights_only. The base with the adapter, and the merged model, must compute the same, and not what the
base does alone. Needs torch, transformers and peft; prints the differences and exits with 0 or 1.
"""
import os
import sys
import tempfile

import peft.tuners.lora.torchao
import torch
from peft import PeftModel
from safetensors import safe_open
from transformers import AutoModelForCausalLM


# A torchao that PEFT finds too old stops it, though nothing of it is used here.
peft.tuners.lora.torchao.is_torchao_available = lambda: False


def load_merged(epoch):
    # Beside an adapter_config.json transformers loads the base with the adapter and ignores the merged weights.
    with tempfile.TemporaryDirectory() as alone:
        for name in os.listdir(epoch):
            if not name.startswith("adapter_"):
                os.symlink(os.path.join(os.path.abspath(epoch), name), os.path.join(alone, name))
        return AutoModelForCausalLM.from_pretrained(alone, dtype=torch.float32)


def main(base_folder, epoch):
    # Adapters of another base have other shapes; PEFT would say so. Missing tensors it only warns of.
    with safe_open(os.path.join(epoch, "adapter_model.safetensors"), "pt") as f:
        written = set(f.keys())
        types = {f.get_slice(k).get_dtype() for k in written}
    base = AutoModelForCausalLM.from_pretrained(base_folder, dtype=torch.float32)
    ids = torch.randint(0, base.config.vocab_size, (1, 24), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        plain = base(ids).logits
        tuned = PeftModel.from_pretrained(base, epoch)
        known = {k.replace(".default", "") for k in tuned.state_dict() if "lora_" in k}
        adapted = tuned(ids).logits
        merged = load_merged(epoch)(ids).logits
    if written != known:
        sys.exit("PEFT expects other tensors: %s" % sorted(written ^ known)[:3])
    moved = float((adapted - plain).abs().max())
    apart = float((adapted - merged).abs().max())
    # In fp32 the order of the sums differs; otherwise merged weights are rounded to 8 or 11 bits.
    limit = 1e-5 * float(plain.abs().max()) if types == {"F32"} else 0.25
    print("adapter moves logits by %.2g; PEFT and the merged model differ by %.2g (limit %.2g)" % (moved, apart, limit))
    return 0 if apart <= limit and moved > apart else 1


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
