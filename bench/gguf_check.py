"""Loads what `tune convert` writes as GGUF into llama.cpp, and compares the next tokens of ten prompts with `tune logits`.

    python3 -m venv VENV && VENV/bin/pip install llama-cpp-python safetensors numpy   # builds llama.cpp, some minutes
    VENV/bin/python bench/gguf_check.py --model DIR [--adapter ADAPTER]

Converts the model (F16) and, with --adapter, the merged model and the adapter beside the base. Each is compared with the
model in fp32: the five likeliest tokens after every prompt, in order, and their log-probabilities. Ends with 1 if a token
differs that is not within the tolerance of the one in its place, or a log-probability by more than the tolerance.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

PROMPTS = ["The capital of France is", "Once upon a time", "def fibonacci(n):", "Water boils at", "The opposite of hot is", "1, 2, 3, 4,",
           "Dear Sir or Madam,", "The quick brown fox", "In 1969, humans first", "Roses are red, violets are"]
ROOT = pathlib.Path(__file__).resolve().parent.parent


def tune(*arguments):
    done = subprocess.run([ROOT / "tune", *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"./tune {arguments[0]}: {(done.stderr.strip() or done.stdout.strip()).splitlines()[-1]}")


def ids_of(gguf):
    """The prompts as llama.cpp cuts them."""
    from llama_cpp import Llama

    llm = Llama(str(gguf), vocab_only=True, verbose=False)
    return [llm.tokenize(p.encode(), add_bos=True, special=False) for p in PROMPTS]


def llama_cpp(gguf, adapter, rows):
    """The logits after each row."""
    import numpy as np
    from llama_cpp import Llama

    llm = Llama(str(gguf), lora_path=str(adapter) if adapter else None, logits_all=True, n_ctx=512, verbose=False)
    last = []
    for row in rows:
        llm.reset()
        llm.eval(row)
        last.append(np.array(llm.scores[len(row) - 1], dtype=np.float64))
    return last


def ours(folder, model, adapter, rows):
    from safetensors.numpy import load_file

    (folder / "ids.jsonl").write_text("".join(json.dumps({"input_ids": row}) + "\n" for row in rows))
    out = folder / "logits.safetensors"
    tune("logits", "--model", model, *(["--adapter", adapter] if adapter else []), "--ids", folder / "ids.jsonl", "--dtype", "fp32", "--output", out)
    tensors = load_file(out)
    return [tensors[f"logits.{i}"][-1].astype("float64") for i in range(len(rows))]


def compare(name, theirs, expected, tolerance):
    """Whether they agree; prints how far they are from each other."""
    import numpy as np

    worst, equal = 0.0, 0
    for t, e in zip(theirs, expected):
        t, e = (x - np.log(np.exp(x - x.max()).sum()) - x.max() for x in (t, e))
        top, own = np.argsort(-e)[:5], np.argsort(-t)[:5]
        equal += all(a == b or abs(e[a] - e[b]) <= tolerance for a, b in zip(top, own))
        worst = max(worst, np.abs(t - e)[top].max())
    print(f"{name}: top 5 equal after {equal} of {len(theirs)} prompts, log-probabilities within {worst:.2g}", flush=True)
    return equal == len(theirs) and worst <= tolerance


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", required=True)
    p.add_argument("--adapter")
    p.add_argument("--tolerance", type=float, default=1e-2)
    a = p.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        base = folder / "base.gguf"
        tune("convert", a.model, base, "--type", "f16")
        rows = ids_of(base)
        good = [compare("model", llama_cpp(base, None, rows), ours(folder, a.model, None, rows), a.tolerance)]
        if a.adapter:
            expected = ours(folder, a.model, a.adapter, rows)
            lora, merged = folder / "lora.gguf", folder / "merged.gguf"
            tune("convert", a.adapter, lora, "--model", a.model, "--type", "f16")
            tune("merge", "--model", a.model, "--adapter", a.adapter, "--dtype", "fp32", "-o", folder / "merged")
            tune("convert", folder / "merged", merged, "--type", "f16")
            good.append(compare("base with adapter", llama_cpp(base, lora, rows), expected, a.tolerance))
            good.append(compare("merged model", llama_cpp(merged, None, rows), expected, a.tolerance))
        sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
