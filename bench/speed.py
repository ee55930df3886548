"""Tokens a second and peak resident size of torchtune, PEFT, Unsloth and both backends: the same rows, taking turns in one run.

    python3 -m venv VENV && VENV/bin/pip install -r bench/requirements.txt
    VENV/bin/python bench/speed.py --model SMOLLM2_135M_INSTRUCT_DIR --data alpaca.json --tokens tokens.json

tokens.json holds the ids and masks of alpaca.json's rows, as bench/peer.py explains. Prints the README's table, with
columns for each tier: bf16, where the processor multiplies it, and fp32. A backend runs with dtype=bf16 and TUNE_COMPUTE=TIER; a peer
counts with the dtype in which it is fastest there, fp32 alone on the fp32 tier. The best peer is the fastest. Unsloth is
asked for with --peers unsloth, in an environment of its own with bench/requirements-unsloth.txt. A round takes about a quarter of an hour on two cores with bf16, half of that on two without.
"""
import argparse
import collections
import statistics

import runs

# In which a peer may run on a tier.
DTYPES = {"bf16": ("bf16", "fp32"), "fp32": ("fp32",)}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", required=True)
    p.add_argument("--data", required=True)
    p.add_argument("--tokens", required=True)
    p.add_argument("--tiers", nargs="+", choices=["bf16", "fp32"], default=["bf16", "fp32"] if runs.has_bf16() else ["fp32"])
    p.add_argument("--peers", nargs="+", choices=runs.PEERS, default=["torchtune", "peft"],
                   help="unsloth needs bench/requirements-unsloth.txt, in an environment of its own")
    p.add_argument("--steps", type=int, default=20)
    p.add_argument("--warmup", type=int, default=3)
    p.add_argument("--rounds", type=int, default=2)
    a = p.parse_args()
    how = {"steps": a.steps, "warmup": a.warmup}
    dtypes = [dtype for dtype in DTYPES if any(dtype in DTYPES[tier] for tier in a.tiers)]
    found = collections.defaultdict(list)
    for _ in range(a.rounds):
        for name in a.peers:
            for dtype in dtypes:
                found[name, dtype].append(runs.peer(name, a.model, a.tokens, dtype, **how))
        for name in runs.BACKENDS:
            for tier in a.tiers:
                found[name, tier].append(runs.train(name, a.model, a.data, TUNE_COMPUTE=tier, **how))
    speed = {key: statistics.median(r.speed for r in rs) for key, rs in found.items()}
    mib = {key: max(r.mib for r in rs) for key, rs in found.items()}
    print(table(a, speed, mib))


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
