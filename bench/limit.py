"""The share of the machine's product rate that training reaches: tokens a second of both backends, over those that products alone allow.

    python3 -m venv VENV && VENV/bin/pip install -r bench/requirements.txt
    VENV/bin/python bench/limit.py --model SMOLLM2_135M_INSTRUCT_DIR --data alpaca.json --tokens tokens.json
    VENV/bin/python bench/limit.py --compute fp32 ...    # where the processor multiplies bf16: the other tier

First the rate: products of the model's shapes, forward and backward, with the rows of a step, by numpy and torch, on one
core, on all cores together and on all cores with a product each; the median of --seconds each, the best of all cores
counts. Types are fp32 and, where bf16 computes, bf16. Then the FLOPs of a trained token (`flops`), and runs of both
backends on the same rows. 65 % is asked for; a smaller share is printed, not failed. tokens.json holds the ids and masks
of alpaca.json's rows, as bench/peer.py explains. Takes about five minutes on two cores.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

import runs

ASKED = 0.65


def linears(c):
    """(how many, outputs, inputs) of each shape of a linear that is not the head."""
    d, f, n = c["hidden_size"], c["intermediate_size"], c["num_hidden_layers"]
    wide = c.get("head_dim") or d // c["num_attention_heads"]
    q, kv = wide * c["num_attention_heads"], wide * c.get("num_key_value_heads", c["num_attention_heads"])
    return [(n, q, d), (2 * n, kv, d), (n, d, q), (2 * n, f, d), (n, d, f)]


def flops(c, lengths, labels, rank=8):
    """Of a token of rows with these lengths and so many labels in all, by what they are for; LoRA on queries and values.

    A product with a weight takes two for each of its elements, and as many again backward, to the activations; a frozen
    weight has no gradient, an adapter's has. The head sees labels alone. A token attends to itself and those before it:
    two products forward, four backward.
    """
    (n, q, d), (_, kv, _) = linears(c)[:2]
    tokens = sum(lengths)
    pairs = sum(m * (m + 1) // 2 for m in lengths)
    return {"linears": 4 * sum(k * out * wide for k, out, wide in linears(c)),
            "head": 4 * c["vocab_size"] * d * labels / tokens,
            "attention": 12 * n * q * pairs / tokens,
            "adapters": 6 * n * rank * (d + q + d + kv)}


def products(library, dtype, shapes, rows, seconds):
    """FLOPs a second of one round of the shapes, each as often as the model has it."""
    import numpy

    rng = numpy.random.default_rng(1)
    tensor = lambda *size: rng.standard_normal(size, dtype=numpy.float32)
    if library == "torch":
        import torch
        torch.set_grad_enabled(False)
        plain, kind = tensor, {"fp32": torch.float32, "bf16": torch.bfloat16}[dtype]
        tensor = lambda *size: torch.from_numpy(plain(*size)).to(kind)
    pairs = [(k, tensor(rows, wide), tensor(rows, out), tensor(out, wide)) for k, out, wide in shapes]
    print("ready", flush=True)
    sys.stdin.readline()
    total = 0
    for k, x, y, w in pairs:
        times, end = [], time.perf_counter() + seconds / len(pairs)
        while len(times) < 3 or time.perf_counter() < end:
            started = time.perf_counter()
            x @ w.T
            y @ w
            times.append(time.perf_counter() - started)
        total += k * statistics.median(times)
    return sum(4 * k * out * wide * rows for k, out, wide in shapes) / total


def rate(library, dtype, shapes, rows, threads, at_once, seconds):
    """Of so many processes that start together, with so many threads each."""
    environment = dict(os.environ, **{name: str(threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")})
    job = json.dumps([library, dtype, shapes, max(1, rows // at_once), seconds])
    children = [subprocess.Popen([sys.executable, __file__, "--products", job], env=environment, text=True,
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(at_once)]
    if not all(child.stdout.readline() for child in children):
        for child in children:
            child.kill()
        raise RuntimeError(children[0].communicate()[1].strip().splitlines()[-1])
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    return sum(float(child.communicate()[0]) for child in children)


def best_rate(kinds, shapes, rows, a):
    """Prints every rate; returns the best of all cores, and what reached it."""
    n = runs.cores()
    ways = {"one core": (1, 1), f"{n} threads": (n, 1), f"{n} at once": (1, n)} if n > 1 else {"one core": (1, 1)}
    print("| products | " + " | ".join(ways) + " |\n" + "|---" * (len(ways) + 1) + "|")
    best = 0, ""
    for library, dtype in kinds:
        try:
            found = {way: rate(library, dtype, shapes, rows, threads, at_once, a.seconds) for way, (threads, at_once) in ways.items()}
        except RuntimeError as e:
            print(f"| {library}, {dtype} | {e} |" + " |" * (len(ways) - 1))
            continue
        print(f"| {library}, {dtype} | " + " | ".join(f"{r / 1e9:.0f} GFLOP/s" for r in found.values()) + " |", flush=True)
        best = max(best, *((r, f"{library}, {dtype}, {way}") for way, r in found.items() if way != "one core" or n == 1))
    return best


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", required=True)
    p.add_argument("--data", required=True)
    p.add_argument("--tokens", required=True)
    p.add_argument("--compute", choices=["bf16", "fp32"], default="bf16" if runs.has_bf16() else "fp32",
                   help="what weights in bf16 are computed in")
    p.add_argument("--seconds", type=float, default=8, help="of each kind of products")
    p.add_argument("--steps", type=int, default=20)
    p.add_argument("--warmup", type=int, default=3)
    p.add_argument("--rounds", type=int, default=2)
    a = p.parse_args()
    config = json.loads((pathlib.Path(a.model) / "config.json").read_text())
    rows = json.loads(pathlib.Path(a.tokens).read_text())["rows"][a.warmup * 4:(a.warmup + a.steps) * 4]
    lengths = [len(r["tokens"]) for r in rows]
    # The first token is no label.
    labels = sum(not m for r in rows for m in r["masked"][1:])
    work = flops(config, lengths, labels)
    kinds = [("numpy", "fp32"), ("torch", "fp32")] + ([("torch", "bf16")] if a.compute == "bf16" else [])
    shapes = linears(config) + [(1, config["vocab_size"], config["hidden_size"])]
    print(f"{runs.processor()}; dtype=bf16 computed in {a.compute}\n")
    found, how = best_rate(kinds, shapes, sum(lengths) // a.steps, a)
    token = sum(work.values())
    allowed = found / token
    print(f"\nA trained token takes {token / 1e9:.3f} GFLOP (" + ", ".join(f"{what} {x / 1e9:.3f}" for what, x in work.items()) +
          f"); {found / 1e9:.0f} GFLOP/s ({how}) allow {allowed:.0f} tokens a second.\n", flush=True)
    speeds = {b: [] for b in runs.BACKENDS}
    for _ in range(a.rounds):
        for b in runs.BACKENDS:
            speeds[b].append(runs.train(b, a.model, a.data, TUNE_COMPUTE=a.compute, steps=a.steps, warmup=a.warmup).speed)
    print("| | tokens a second | share of what products allow |\n|---|---|---|")
    for b, all_of_them in speeds.items():
        speed = statistics.median(all_of_them)
        print(f"| {b} | {speed:.0f} | {100 * speed / allowed:.0f} %{'' if speed >= ASKED * allowed else f', {100 * ASKED:.0f} % is asked for'} |")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--products"]:
        print(products(*json.loads(sys.argv[2])))
    else:
        main()
