"""Peak resident size of one device, of the ranks of fsdp, and of ranks as threads, for a model of random weights.

    python3 bench/ranks_memory.py                     # TinyLlama-1.1B's sizes, bf16, 2.2 GB in a temporary folder
    python3 bench/ranks_memory.py --model MODEL_DIR   # another model, with its own tokenizer

Weights are read, not mapped (mmap=false), so that they count as the process's own memory on one device too. Prints the
table of docs/cluster.md. What a rank keeps of the weights is W - (S - R): W their bytes, S the peak of one device, R that
of the largest rank; all else (JVM, libraries, a row's activations with layers checkpointed) is the same in both.
Fails where 2 ranks keep 65 % of W or more, or 4 ranks 45 %; and where a process of 2 or 4 ranks as threads (ddp), whose
frozen weights are one copy, takes more than one device by half of W.
"""
import argparse
import json
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
TINY = ROOT / "docs" / "tiny"
LIMITS = {2: 0.65, 4: 0.45}
SIZES = {"vocab_size": 32000, "hidden_size": 2048, "intermediate_size": 5632, "num_hidden_layers": 22,
         "num_attention_heads": 32, "num_key_value_heads": 4, "max_position_embeddings": 2048}


def shapes(c):
    d, f = c["hidden_size"], c["intermediate_size"]
    kv = d // c["num_attention_heads"] * c["num_key_value_heads"]
    yield "model.embed_tokens.weight", (c["vocab_size"], d)
    for i in range(c["num_hidden_layers"]):
        layer = f"model.layers.{i}."
        yield layer + "input_layernorm.weight", (d,)
        yield layer + "post_attention_layernorm.weight", (d,)
        for name, out, wide in (("self_attn.q_proj", d, d), ("self_attn.k_proj", kv, d), ("self_attn.v_proj", kv, d),
                                ("self_attn.o_proj", d, d), ("mlp.gate_proj", f, d), ("mlp.up_proj", f, d), ("mlp.down_proj", d, f)):
            yield f"{layer}{name}.weight", (out, wide)
    yield "model.norm.weight", (d,)
    yield "lm_head.weight", (c["vocab_size"], d)


def write_model(folder, sizes):
    """A Llama whose weights are small bf16 numbers of either sign; a million of them, over and over."""
    rng = random.Random(1)
    # 0x3c8x is 1/64 to 1/32 in bf16.
    pattern = b"".join(struct.pack("<H", rng.getrandbits(1) << 15 | 0x3C00 | rng.getrandbits(8)) for _ in range(1 << 20))
    header, at = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in shapes(sizes):
        end = at + 2 * int.__mul__(*(shape + (1,))[:2])
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [at, end]}
        at = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 64)
    with open(folder / "model.safetensors", "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for left in range(at, 0, -len(pattern)):
            out.write(pattern[:left])
    (folder / "config.json").write_text(json.dumps(dict(
        sizes, architectures=["LlamaForCausalLM"], model_type="llama", hidden_act="silu", rms_norm_eps=1e-5, rope_theta=10000.0,
        tie_word_embeddings=False, bos_token_id=1, eos_token_id=2, torch_dtype="bfloat16", attention_bias=False)))
    for side in TINY.iterdir():
        if side.suffix != ".jsonl":
            shutil.copy(side, folder)


def children(pid):
    """Direct ones; a process has a list for each of its threads."""
    try:
        lists = [pathlib.Path(f"/proc/{pid}/task/{t}/children") for t in os.listdir(f"/proc/{pid}/task")]
        return [int(c) for each in lists for c in each.read_text().split()]
    except OSError:
        return []


def high_water(pid):
    try:
        lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) >> 10 for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return 0


def peak(a, model, data, ranks, how="processes"):
    """Of the largest process, in MiB. The kernel keeps each one's peak; it is read until the process is gone."""
    out = pathlib.Path(tempfile.mkdtemp(dir=a.work))
    recipe = ["lora_finetune_single_device", "--config", "llama/lora_single_device"]
    if ranks > 1:
        recipe = ["--nproc_per_node", str(ranks), "--ranks", how, "lora_finetune_distributed", "--config", "smollm2/135M_lora",
                  "model._component_=lora_auto", "strategy=" + ("fsdp" if how == "processes" else "ddp")]
    several = ranks > 1 and how == "processes"
    with open(out / "log", "w") as log:
        run = subprocess.Popen(
            [ROOT / "tune", "run", *recipe, f"checkpointer.checkpoint_dir={model}", f"dataset.data_files={data}", f"output_dir={out}",
             "backend=javacpp", f"dtype={a.dtype}", "mmap=false", "threads=1", "batch_size=1", "gradient_accumulation_steps=1",
             f"max_steps_per_epoch={a.steps}", "save_adapter_weights_only=true",
             "enable_activation_checkpointing=true", *a.set],
            env=dict(os.environ, TUNE_MEMORY_CHECK="off"), stdout=log, stderr=log)
        peaks = {}
        while run.poll() is None:
            for pid in children(run.pid) if several else [run.pid]:
                peaks[pid] = max(high_water(pid), peaks.get(pid, 0))
            time.sleep(0.01)
    # Others were there for a moment only, on their way to becoming a rank or to ask the system something.
    peaks = [p for p in peaks.values() if p > 100]
    if run.returncode or len(peaks) != (ranks if several else 1):
        sys.exit(f"{peaks} after exit code {run.returncode}: " + (out / "log").read_text())
    losses = [json.loads(line)["loss"] for line in (out / "logs" / "metrics.jsonl").read_text().splitlines()]
    print(f"{ranks} rank(s), {how}: {sorted(peaks)} MiB, last loss {losses[-1]:.4f}", file=sys.stderr)
    return max(peaks)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", help="a Hugging Face folder of the Llama family; random weights otherwise")
    p.add_argument("--data", default=TINY / "rows.jsonl", help="rows in alpaca's form")
    p.add_argument("--dtype", default="bf16", help="the type of the folder's weights")
    p.add_argument("--layers", type=int, default=SIZES["num_hidden_layers"])
    p.add_argument("--steps", type=int, default=2)
    p.add_argument("--ranks", type=int, nargs="*", default=sorted(LIMITS))
    p.add_argument("--threads", type=int, nargs="*", default=sorted(LIMITS))
    p.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE")
    a = p.parse_args()
    a.work = tempfile.mkdtemp()
    try:
        model = pathlib.Path(a.model or tempfile.mkdtemp(dir=a.work))
        if not a.model:
            write_model(model, dict(SIZES, num_hidden_layers=a.layers))
        weights = sum(f.stat().st_size for f in model.glob("*.safetensors")) >> 20
        one = peak(a, model, a.data, 1)
        print("| ranks | peak resident MiB of a process | of the weights |\n|---|---|---|")
        print(f"| 1 | {one} | all {weights} MiB |", flush=True)
        missed = False
        for ranks in a.ranks:
            each = peak(a, model, a.data, ranks)
            share = 1 - (one - each) / weights
            missed |= share >= LIMITS.get(ranks, 1)
            print(f"| {ranks}, fsdp | {each} | {100 * share:.0f} % |", flush=True)
        for ranks in a.threads:
            all_of_them = peak(a, model, a.data, ranks, "threads")
            more = (all_of_them - one) / weights
            missed |= more > 0.5
            print(f"| {ranks}, threads | {all_of_them} | {100 + 100 * more:.0f} % |", flush=True)
        sys.exit(missed)
    finally:
        shutil.rmtree(a.work)


if __name__ == "__main__":
    main()
