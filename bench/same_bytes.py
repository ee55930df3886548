"""Compares two checkouts on one machine: the bytes of the adapters that they train, then their speed and peak resident size.

    python3 bench/same_bytes.py BEFORE AFTER [--speed MODEL_DIR --data alpaca.json] [--rounds 3] [--dtype bf16]

Both checkouts must be built (`./tune --help` builds). The adapters are those of the quickstart and of a tiny Llama, rank 4 on every
linear, on both backends. Speed and size take turns, before and after, and are printed as ratios. Exits with 1 if bytes differ.
"""
import argparse
import hashlib
import pathlib
import statistics
import sys
import tempfile

import runs

FILES = ("adapter_model.safetensors", "adapter_config.json")
RUN = ("run", "lora_finetune_single_device", "--config")


def tune(checkout, *arguments):
    runs.call([checkout / "tune", *arguments])


def tiny(before):
    golden = before / "models/src/test/resources/golden/tiny/families/llama2"
    return ["smollm2/135M_lora_single_device", "model._component_=lora_auto", f"checkpointer.checkpoint_dir={golden}",
            f"tokenizer.path={before / 'docs/tiny/tokenizer.json'}", f"dataset.data_files={before / 'docs/tiny/rows.jsonl'}",
            "lora_attn_modules=['q_proj','k_proj','v_proj','output_proj']", "apply_lora_to_mlp=true", "lora_rank=4",
            "dtype=fp32", "max_steps_per_epoch=10", "tokenizer.max_seq_len=128"]


def adapters(checkout, before, backend):
    digests = {}
    quickstart = ["quickstart", f"checkpointer.checkpoint_dir={before / 'quickstart/model'}"]
    for name, arguments in (("quickstart", quickstart), ("tiny", tiny(before))):
        with tempfile.TemporaryDirectory() as out:
            tune(checkout, *RUN, *arguments, f"backend={backend}", f"output_dir={out}", "seed=1", "epochs=1",
                 "save_adapter_weights_only=true")
            for file in FILES:
                content = (pathlib.Path(out) / "epoch_0" / file).read_bytes()
                digests[f"{name}/{file}"] = hashlib.sha256(content).hexdigest()
    return digests


def speed(checkout, backend, a):
    return runs.train(backend, a.speed, a.data, dtype=a.dtype, steps=20, tune=checkout / "tune")[:2]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("before", type=lambda d: pathlib.Path(d).resolve())
    p.add_argument("after", type=lambda d: pathlib.Path(d).resolve())
    p.add_argument("--speed", metavar="MODEL_DIR")
    p.add_argument("--data")
    p.add_argument("--dtype", default="bf16")
    p.add_argument("--rounds", type=int, default=3)
    a = p.parse_args()
    differ = False
    for backend in runs.BACKENDS:
        one, other = (adapters(c, a.before, backend) for c in (a.before, a.after))
        for file in one:
            differ |= one[file] != other[file]
            print(f"{backend} {file}: {'same bytes' if one[file] == other[file] else 'DIFFER'}", flush=True)
    if a.speed:
        for backend in runs.BACKENDS:
            pairs = [[speed(c, backend, a) for c in (a.before, a.after)] for _ in range(a.rounds)]
            rate, rss = ([statistics.median(pair[i][j] for pair in pairs) for i in (0, 1)] for j in (0, 1))
            print(f"{backend} {a.dtype}: speed {rate[1] / rate[0]:.3f}, peak resident size {rss[1] / rss[0]:.3f} of before", flush=True)
    sys.exit(differ)


if __name__ == "__main__":
    main()
