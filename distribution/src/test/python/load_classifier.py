#!/usr/bin/env python3
"""Loads a classifier that a run has written with Python's PEFT and transformers and compares the scores.

    load_classifier.py BASE EPOCH ROWS SCORES

BASE is the Hugging Face folder that was fine-tuned, EPOCH a folder such as out/epoch_0, written without
save_adapter_weights_only, ROWS the JSON Lines of texts, SCORES what `tune eval --tasks classification --output` says of
EPOCH's merged model. The base with the adapter and the merged model must give these scores, to all texts in one batch.
Needs torch, transformers and peft; prints the differences and exits with 0 or 1.
"""
import json
import os
import sys
import tempfile

import peft.tuners.lora.torchao
import torch
from peft import PeftModel
from transformers import AutoModelForSequenceClassification, AutoTokenizer


# A torchao that PEFT finds too old stops it, though nothing of it is used here.
peft.tuners.lora.torchao.is_torchao_available = lambda: False


def load_merged(epoch):
    # Beside an adapter_config.json transformers loads the base with the adapter and ignores the merged weights.
    with tempfile.TemporaryDirectory() as alone:
        for name in os.listdir(epoch):
            if not name.startswith("adapter_"):
                os.symlink(os.path.join(os.path.abspath(epoch), name), os.path.join(alone, name))
        return AutoModelForSequenceClassification.from_pretrained(alone, dtype=torch.float32).eval()


def main(base_folder, epoch, rows, scores):
    texts = [json.loads(line)["text"] for line in open(rows)]
    expected = torch.tensor([s["scores"] for s in json.load(open(scores))["samples"]["classification"]])
    merged = load_merged(epoch)
    tokenizer = AutoTokenizer.from_pretrained(base_folder)
    pad = merged.config.pad_token_id or 0
    ids = [tokenizer(text)["input_ids"] for text in texts]
    longest = max(map(len, ids))
    batch = torch.tensor([i + [pad] * (longest - len(i)) for i in ids])
    mask = torch.tensor([[1] * len(i) + [0] * (longest - len(i)) for i in ids])
    base = AutoModelForSequenceClassification.from_pretrained(
        base_folder, dtype=torch.float32, num_labels=expected.shape[1]
    )
    adapted = PeftModel.from_pretrained(base, epoch).eval()
    print("labels", merged.config.id2label, merged.config.problem_type)
    worst = 0.0
    with torch.no_grad():
        for name, model in (("merged", merged), ("adapter", adapted)):
            found = model(input_ids=batch, attention_mask=mask).logits
            difference = (found - expected).abs().max().item()
            print(name, "differs by", difference, "of", expected.abs().max().item())
            worst = max(worst, difference)
    return 0 if worst < 1e-4 * max(1.0, expected.abs().max().item()) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
