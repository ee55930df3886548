"""Tokens a second of one rank and of two, one thread each: LoRA on SmolLM2-135M, ddp, as many rows a rank in both.

    python3 bench/scaling.py --model SMOLLM2_135M_INSTRUCT_DIR

Rows are of equal length, so that no rank waits for another's longer ones. One rank and two take turns; the best median
of each counts. Prints the ratio, what a step exchanges, and the table of docs/cluster.md for clusters: there a step of
n ranks takes the measured seconds of one rank and, in the worst case that nothing of it is hidden behind backward, the
ring's 2 (n - 1) / n times the bytes over the link's rate. Fails below a ratio of 1.8.
"""
import argparse
import json
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORDS = "time year people way day man thing woman life child world school state family student group country problem hand part".split()


def rows(n, words):
    rng = random.Random(5)
    return [{"instruction": "Go on.", "input": "", "output": " ".join(rng.choices(WORDS, k=words))} for _ in range(n)]


def run(a, data, ranks):
    """Median tokens a second, seconds a step and seconds of them that rank 0 waited for the other."""
    out = pathlib.Path(tempfile.mkdtemp(dir=a.work))
    how = ["--nproc_per_node", str(ranks), "lora_finetune_distributed", "--config", "smollm2/135M_lora", "strategy=ddp"]
    if ranks == 1:
        how = ["lora_finetune_single_device", "--config", "smollm2/135M_lora_single_device"]
    done = subprocess.run(
        [ROOT / "tune", "run", *how, f"checkpointer.checkpoint_dir={a.model}", f"dataset.data_files={data}", f"output_dir={out}",
         "backend=javacpp", f"dtype={a.dtype}", "threads=1", f"batch_size={a.batch}", "gradient_accumulation_steps=1",
         f"max_steps_per_epoch={a.steps + a.warmup}", "save_adapter_weights_only=true", "optimizer.lr=3e-4"],
        capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    steps = [json.loads(line) for line in (out / "logs" / "metrics.jsonl").read_text().splitlines()][a.warmup:]
    median = lambda key: statistics.median(s.get(key, 0) for s in steps)
    result = median("tokens_per_second"), median("seconds"), median("comm_seconds")
    print(f"{ranks} rank(s): {result[0]:.0f} tokens/s, {result[1]:.3f} s a step, {result[2]:.3f} s waiting", file=sys.stderr)
    return result


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", required=True)
    p.add_argument("--dtype", default="fp32")
    p.add_argument("--batch", type=int, default=4, help="rows of a rank's step")
    p.add_argument("--words", type=int, default=120)
    p.add_argument("--steps", type=int, default=8)
    p.add_argument("--warmup", type=int, default=2)
    p.add_argument("--rounds", type=int, default=2)
    p.add_argument("--trained", type=int, default=460_800, help="parameters that are trained: adapters of rank 8 on queries and values")
    a = p.parse_args()
    a.work = tempfile.mkdtemp()
    try:
        data = pathlib.Path(a.work) / "rows.json"
        data.write_text(json.dumps(rows(2 * a.batch * (a.steps + a.warmup), a.words)))
        runs = {1: [], 2: []}
        for _ in range(a.rounds):
            for ranks in runs:
                runs[ranks].append(run(a, data, ranks))
        one, two = (max(runs[ranks]) for ranks in runs)
        print(f"1 rank {one[0]:.0f} tokens a second, 2 ranks {two[0]:.0f}: ratio {two[0] / one[0]:.2f}")
        size = 4 * a.trained
        print(f"exchanged a step: {size / 2**20:.2f} MiB; one rank's step: {one[1]:.3f} s\n\n| ranks | 1 Gbit/s | 10 Gbit/s | 100 Gbit/s |\n|---|---|---|---|")
        for ranks in (2, 4, 8, 16, 64):
            times = [one[1] + 2 * (ranks - 1) / ranks * size * 8 / (gigabits * 1e9) for gigabits in (1, 10, 100)]
            print(f"| {ranks} | " + " | ".join(f"{ranks * one[1] / t:.2f}" for t in times) + " |")
        sys.exit(two[0] / one[0] < 1.8)
    finally:
        shutil.rmtree(a.work)


if __name__ == "__main__":
    main()
