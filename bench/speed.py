"""Tokens a second and peak resident size of torchtune, PEFT, Unsloth and both backends: the same rows, taking turns in one run.

    python3 -m venv VENV && VENV/bin/pip install -r bench/requirements.txt
    VENV/bin/python bench/speed.py --model SMOLLM2_135M_INSTRUCT_DIR --data alpaca.json --tokens tokens.json

    VENV/bin/python bench/speed.py --shape qwen3-0.6b gemma-3-270m qwen3-moe

tokens.json holds the ids and masks of alpaca.json's rows, as bench/peer.py explains. Prints the README's table, with
columns for each tier: bf16, where the processor multiplies it, and fp32. A backend runs with dtype=bf16 and TUNE_COMPUTE=TIER; a peer
counts with the dtype in which it is fastest there, fp32 alone on the fp32 tier. The best peer is the fastest. Unsloth is
asked for with --peers unsloth, in an environment of its own with bench/requirements-unsloth.txt. A round takes about a quarter of an hour on two cores with bf16, half of that on two without.

--shape makes models up instead, with a published one's widths, four layers, random weights and rows of random ids, and compares with PEFT.
"""
import argparse
import collections
import json
import pathlib
import random
import statistics
import tempfile

import runs

# In which a peer may run on a tier.
DTYPES = {"bf16": ("bf16", "fp32"), "fp32": ("fp32",)}


# config.json of models with four layers.
SHAPES = {
    "qwen3-0.6b": {"model_type": "qwen3", "vocab_size": 151936, "hidden_size": 1024, "intermediate_size": 3072, "num_attention_heads": 16,
                   "num_key_value_heads": 8, "head_dim": 128, "rope_theta": 1e6, "tie_word_embeddings": True},
    "gemma-3-270m": {"model_type": "gemma3_text", "vocab_size": 262144, "hidden_size": 640, "intermediate_size": 2048, "num_attention_heads": 4,
                     "num_key_value_heads": 1, "head_dim": 256, "query_pre_attn_scalar": 256, "sliding_window": 512, "rope_theta": 1e6,
                     "layer_types": ["sliding_attention"] * 3 + ["full_attention"], "tie_word_embeddings": True},
    # Qwen3-30B-A3B with 8 of its 128 experts, of which a token takes 2.
    "qwen3-moe": {"model_type": "qwen3_moe", "vocab_size": 151936, "hidden_size": 2048, "intermediate_size": 6144, "moe_intermediate_size": 768,
                  "num_experts": 8, "num_experts_per_tok": 2, "norm_topk_prob": True, "num_attention_heads": 32, "num_key_value_heads": 4,
                  "head_dim": 128, "rope_theta": 1e6, "tie_word_embeddings": False},
}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--shape", nargs="+", choices=SHAPES, default=[])
    p.add_argument("--model")
    p.add_argument("--data")
    p.add_argument("--tokens")
    p.add_argument("--tiers", nargs="+", choices=["bf16", "fp32"], default=["bf16", "fp32"] if runs.has_bf16() else ["fp32"])
    p.add_argument("--peers", nargs="+", choices=runs.PEERS,
                   help="unsloth needs bench/requirements-unsloth.txt, in an environment of its own")
    p.add_argument("--steps", type=int, default=20)
    p.add_argument("--warmup", type=int, default=3)
    p.add_argument("--rounds", type=int, default=2)
    a = p.parse_args()
    if not a.shape and not (a.model and a.data and a.tokens):
        p.error("give --model, --data and --tokens, or --shape")
    a.peers = a.peers or (["peft"] if a.shape else ["torchtune", "peft"])
    if not a.shape:
        print(measured(a, a.model, a.data, a.tokens))
    for shape in a.shape:
        with tempfile.TemporaryDirectory() as folder:
            tokens, rows = made_up(shape, pathlib.Path(folder), 4 * (a.warmup + a.steps))
            print(f"{shape}, four layers:\n" + measured(
                a, folder, rows, tokens, "~tokenizer", f"dataset={{_component_: tokenized_dataset, data_files: {rows}}}",
                "model={_component_: lora_auto, lora_attn_modules: [q_proj, v_proj], lora_rank: 8, lora_alpha: 16}"), flush=True)


def made_up(shape, folder, count):
    """Writes a model and rows of it; gives tokens.json and the same rows for tokenized_dataset."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(18)
    config = AutoConfig.for_model(**SHAPES[shape], num_hidden_layers=4, max_position_embeddings=2048, bos_token_id=1, eos_token_id=2, pad_token_id=0)
    AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16).save_pretrained(folder)
    draw = random.Random(18)
    rows = []
    for _ in range(count):  # as long as Alpaca's, with as much to learn
        length = draw.randint(70, 250)
        rows.append({"tokens": [draw.randrange(10, config.vocab_size) for _ in range(length)], "masked": [i < length // 2 for i in range(length)]})
    tokens, data = folder / "tokens.json", folder / "rows.jsonl"
    tokens.write_text(json.dumps({"rows": rows}))
    data.write_text("".join(json.dumps({"input_ids": r["tokens"], "labels": [-100 if m else t for t, m in zip(r["tokens"], r["masked"])]}) + "\n" for r in rows))
    return tokens, data


def measured(a, model, data, tokens, *keys):
    """The table of all rounds; the losses of the first step have to agree."""
    how = {"steps": a.steps, "warmup": a.warmup}
    dtypes = [dtype for dtype in DTYPES if any(dtype in DTYPES[tier] for tier in a.tiers)]
    found = collections.defaultdict(list)
    for _ in range(a.rounds):
        for name in a.peers:
            for dtype in dtypes:
                found[name, dtype].append(runs.peer(name, model, tokens, dtype, **how))
        for name in runs.BACKENDS:
            for tier in a.tiers:
                found[name, tier].append(runs.train(name, model, data, *keys, TUNE_COMPUTE=tier, **how))
    first = {key: rs[0].losses[0] for key, rs in found.items()}
    if a.shape and max(first.values()) - min(first.values()) > 0.02 * max(first.values()):
        raise RuntimeError(f"the losses of the first step differ: {first}")
    speed = {key: statistics.median(r.speed for r in rs) for key, rs in found.items()}
    mib = {key: max(r.mib for r in rs) for key, rs in found.items()}
    return table(a, speed, mib)


def table(a, speed, mib):
    """The table, of speeds and MiB by name and dtype or tier."""
    key = {(name, tier): max(((name, d) for d in DTYPES[tier]), key=speed.get) for tier in a.tiers for name in a.peers}
    key.update({(name, tier): (name, tier) for tier in a.tiers for name in runs.BACKENDS})
    best = {tier: max((key[name, tier] for name in a.peers), key=speed.get) for tier in a.tiers}
    lines = [runs.processor(), "", "| | " + " | ".join(f"{t}: tokens a second | of the best peer | peak resident MiB | of its" for t in a.tiers) + " |",
             "|---" * (1 + 4 * len(a.tiers)) + "|"]
    for name in (*a.peers, *runs.BACKENDS):
        cells = []
        for tier in a.tiers:
            k, b = key[name, tier], best[tier]
            in_dtype = f" ({k[1]})" if name in a.peers else ""
            cells += [f"{speed[k]:.0f}{in_dtype}", f"{speed[k] / speed[b]:.2f}", str(mib[k]), f"{mib[k] / mib[b]:.2f}"]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
