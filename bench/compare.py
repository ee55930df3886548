"""Compares what `tune logits` wrote with transformers and PEFT: the largest differences, and the greedy tokens.

    ./tune logits --model DIR --adapter ADAPTER --ids ids.jsonl --gradients --greedy 16 --greedy-prompt 8 --dtype fp32 -o ours.safetensors
    python bench/compare.py --model DIR --adapter ADAPTER --ids ids.jsonl --greedy-prompt 8 --ours ours.safetensors

Leave out --adapter and --gradients for a model alone. Needs torch, transformers, peft and safetensors.
"""
import argparse
import json

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--model", required=True)
parser.add_argument("--adapter")
parser.add_argument("--ids", required=True, help="the rows given to tune logits")
parser.add_argument("--ours", required=True, help="the file that tune logits wrote")
parser.add_argument("--greedy-prompt", type=int, help="as given to tune logits")
parser.add_argument("--dtype", default="fp32", choices=["fp32", "bf16", "fp16"])
a = parser.parse_args()

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

ours = load_file(a.ours)
dtype = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[a.dtype]
model = AutoModelForCausalLM.from_pretrained(a.model, dtype=dtype)
if a.adapter:
    from peft import PeftModel
    model = PeftModel.from_pretrained(model, a.adapter, is_trainable=True)
model.eval()
worst, total, labelled = 0, 0, 0
for i, row in enumerate(json.loads(line) for line in open(a.ids) if line.strip()):
    ids, labels = torch.tensor(row["input_ids"]), torch.tensor(row.get("labels") or row["input_ids"])[1:]
    with torch.set_grad_enabled("loss" in ours):
        logits = model(input_ids=ids[None]).logits[0].float()
        total += torch.nn.functional.cross_entropy(logits[:-1], labels, reduction="sum")
    worst = max(worst, (logits - ours[f"logits.{i}"]).abs().max().item())
    labelled += (labels != -100).sum()
    if a.greedy_prompt:
        tokens = ids[: a.greedy_prompt]
        with torch.no_grad():
            while len(tokens) < a.greedy_prompt + len(ours[f"greedy.{i}"]):
                tokens = torch.cat([tokens, model(input_ids=tokens[None]).logits[0, -1:].argmax(-1)])
        print(f"row {i}: greedy tokens", "equal" if torch.equal(tokens[a.greedy_prompt :], ours[f"greedy.{i}"]) else "differ")
print(f"logits: largest difference {worst:.2g}")
if "loss" in ours:
    loss = total / labelled
    loss.backward()
    print(f"loss: {loss.item():.6f}, ours {ours['loss'].item():.6f}")
    gradients = {n.replace(".default", ""): p.grad.float() for n, p in model.named_parameters() if p.grad is not None}
    assert {f"gradient.{n}" for n in gradients} == {n for n in ours if n.startswith("gradient.")}, "other tensors are trained"
    worst = max(float((ours["gradient." + n].float() - g).abs().max() / g.abs().max().clamp_min(1e-12)) for n, g in gradients.items())
    print(f"gradients: largest difference {worst:.2g} of a tensor's largest entry")
