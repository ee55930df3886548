"""Tokens a second and peak resident size of torchtune, PEFT and both backends: the same rows, taking turns in one run.

    python3 -m venv VENV && VENV/bin/pip install -r bench/requirements.txt
    VENV/bin/python bench/speed.py --model SMOLLM2_135M_INSTRUCT_DIR --data alpaca.json --tokens tokens.json

tokens.json holds the ids and masks of alpaca.json's rows, as bench/peer.py explains. Prints the README's table.
"""
import argparse
import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
OURS, PEERS = ("javacpp", "djl"), ("torchtune", "peft")


def peer(name, a):
    out = subprocess.run([sys.executable, HERE / "peer.py", name, a.model, a.tokens, a.dtype, str(a.steps), str(a.warmup)],
                         capture_output=True, text=True, check=True).stdout
    result = json.loads(out.strip().splitlines()[-1])
    return result["tokens_per_second"], result["peak_rss_mb"]


def backend(name, a):
    out = pathlib.Path(tempfile.mkdtemp())
    try:
        done = subprocess.run(
            [sys.executable, "-c", "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);"
             "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)",
             HERE.parent / "tune", "run", "lora_finetune_single_device", "--config", "smollm2/135M_lora_single_device",
             f"checkpointer.checkpoint_dir={a.model}", f"dataset.data_files={a.data}", "shuffle=false", "batch_size=4",
             f"output_dir={out}", f"backend={name}", f"dtype={a.dtype}", "optimizer.lr=3e-4",
             f"max_steps_per_epoch={a.steps + a.warmup}", "save_adapter_weights_only=true"],
            capture_output=True, text=True, check=True)
        steps = [json.loads(line) for line in (out / "logs" / "metrics.jsonl").read_text().splitlines()][a.warmup:]
        return sum(s["tokens"] for s in steps) / sum(s["seconds"] for s in steps), int(done.stdout)
    finally:
        shutil.rmtree(out)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", required=True)
    p.add_argument("--data", required=True)
    p.add_argument("--tokens", required=True)
    p.add_argument("--dtype", default="bf16")
    p.add_argument("--steps", type=int, default=20)
    p.add_argument("--warmup", type=int, default=3)
    p.add_argument("--rounds", type=int, default=2)
    a = p.parse_args()
    runs = {name: [] for name in PEERS + OURS}
    for _ in range(a.rounds):
        for name in PEERS:
            runs[name].append(peer(name, a))
        for name in OURS:
            runs[name].append(backend(name, a))
    speed = {name: statistics.median(r[0] for r in rs) for name, rs in runs.items()}
    print("| | tokens a second | of torchtune | of PEFT | peak resident MiB |\n|---|---|---|---|---|")
    for name, rs in runs.items():
        print(f"| {name} | {speed[name]:.0f} | {speed[name] / speed['torchtune']:.2f} | {speed[name] / speed['peft']:.2f} | {max(r[1] for r in rs)} |")


if __name__ == "__main__":
    main()
