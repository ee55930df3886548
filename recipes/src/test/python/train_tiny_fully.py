"""Trains every weight of the tiny Llama 2 with PyTorch, for TrainingTraceTest to compare with.

    python train_tiny_fully.py ../../../../models/src/test/resources/golden/tiny

Needs torch 2.7.1, transformers 4.57.6, safetensors. Twelve steps of two micro-batches, the rows of
lora/qv_r8/training_batches.safetensors, in fp32 on one thread. Writes full/OPTIMIZER.json (settings; loss, rate,
gradient norm and label tokens of each step) and full/OPTIMIZER.safetensors: of each final weight every seventh value,
which is prime to all sizes, so that no row or column is left out.
"""
import json
import os
import sys

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, get_cosine_schedule_with_warmup

STEPS, MICRO, ROWS, WARMUP, STRIDE = 12, 2, 2, 3, 7
OPTIMIZERS = {
    "adamw": (torch.optim.AdamW, dict(lr=1e-3, betas=(0.9, 0.95), eps=1e-6, weight_decay=0.1), 1.0),
    "sgd": (torch.optim.SGD, dict(lr=1e-1, momentum=0.9, weight_decay=0.01), None),
}
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)
golden = sys.argv[1]
batches = load_file(os.path.join(golden, "lora/qv_r8/training_batches.safetensors"))
ids = batches["input_ids"].reshape(STEPS, MICRO, ROWS, -1)
labels = batches["labels"].reshape(STEPS, MICRO, ROWS, -1)
os.makedirs(os.path.join(golden, "full"), exist_ok=True)

for name, (kind, settings, max_norm) in OPTIMIZERS.items():
    model = AutoModelForCausalLM.from_pretrained(os.path.join(golden, "families/llama2"), attn_implementation="eager")
    model.float().train()
    optimizer = kind(model.parameters(), **settings)
    schedule = get_cosine_schedule_with_warmup(optimizer, WARMUP, STEPS)
    trace = []
    for step in range(STEPS):
        tokens = int((labels[step] != -100).sum())
        total = 0.0
        for micro in range(MICRO):
            # Padding lies behind the rows, where causal attention does not look.
            logits = model(input_ids=ids[step, micro]).logits
            loss = torch.nn.functional.cross_entropy(
                logits.flatten(0, 1), labels[step, micro].flatten(), ignore_index=-100, reduction="sum")
            total += loss.item()
            (loss / tokens).backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm or float("inf"))
        trace.append(dict(loss=total / tokens, lr=optimizer.param_groups[0]["lr"], grad_norm=norm.item(), tokens=tokens))
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
    with open(os.path.join(golden, "full", name + ".json"), "w") as f:
        json.dump(dict(optimizer=settings, clip_grad_norm=max_norm, num_warmup_steps=WARMUP, steps=trace), f, indent=1)
        f.write("\n")
    save_file({n: p.detach().flatten()[::STRIDE].clone() for n, p in model.named_parameters()},
              os.path.join(golden, "full", name + ".safetensors"))
    print(name, [round(t["loss"], 4) for t in trace], [round(t["grad_norm"], 3) for t in trace])
