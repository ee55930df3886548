"""Tokens a second of greedy decoding: transformers' generate and both backends, taking turns in one run.

    python3 -m venv VENV && VENV/bin/pip install -r bench/requirements.txt
    VENV/bin/python bench/generate.py --model SMOLLM2_135M_INSTRUCT_DIR --data alpaca.json

Each continues the same questions in the model's chat template, one after the other. Loading is not counted on either
side; the first question is asked once before, uncounted. transformers is also asked with its own prompt lookup, which is
what Tune4J does, so that both kinds of gain can be told apart. Prints the README's table.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PEER = """
import json, sys, time, torch
from transformers import AutoModelForCausalLM, AutoTokenizer
folder, dtype, tokens, lookup, prompts = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), json.load(open(sys.argv[5]))
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder, torch_dtype=getattr(torch, {"bf16": "bfloat16", "fp32": "float32"}[dtype]))
def ask(p):
    ids = tokenizer.apply_chat_template([{"role": "user", "content": p}], add_generation_prompt=True, return_tensors="pt")
    more = {"prompt_lookup_num_tokens": lookup} if lookup else {}
    out = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=tokens, do_sample=False, **more)[0, ids.shape[1]:]
    return len(out), tokenizer.decode(out, skip_special_tokens=True)
ask(prompts[0])
start = time.perf_counter()
answers = [ask(p) for p in prompts]
print(json.dumps({"seconds": time.perf_counter() - start, "tokens": sum(n for n, _ in answers), "texts": [t for _, t in answers]}))
"""


def transformers(lookup, prompts, a):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(prompts, file)
        file.flush()
        done = subprocess.run([sys.executable, "-c", PEER, a.model, a.dtype, str(a.tokens), str(lookup), file.name], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout.strip().splitlines()[-1])


def backend(name, prompts, a):
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("".join(p + "\n" for p in prompts[:1] + prompts))
        file.flush()
        out = subprocess.run([HERE.parent / "tune", "generate", "--model", a.model, "--chat", "--prompt-lines", file.name, "--batch-size", "1",
                              "--max-new-tokens", str(a.tokens), "--dtype", a.dtype, "--backend", name, "--json"],
                             capture_output=True, text=True, check=True).stdout
    lines = [json.loads(line) for line in out.splitlines()][1:]
    return {"seconds": sum(l["seconds"] for l in lines), "tokens": sum(l["new_tokens"] for l in lines), "texts": [l["text"] for l in lines]}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", required=True)
    p.add_argument("--data", required=True)
    p.add_argument("--dtype", default="bf16")
    p.add_argument("--prompts", type=int, default=8)
    p.add_argument("--tokens", type=int, default=128)
    p.add_argument("--rounds", type=int, default=2)
    a = p.parse_args()
    rows = json.loads(pathlib.Path(a.data).read_text())
    prompts = [" ".join((r["instruction"] + " " + r["input"]).split()) for r in rows[:a.prompts]]
    ask = {"transformers": lambda: transformers(0, prompts, a), "transformers, prompt lookup": lambda: transformers(10, prompts, a),
           "Tune4J, `javacpp`": lambda: backend("javacpp", prompts, a), "Tune4J, `djl`": lambda: backend("djl", prompts, a)}
    runs = {name: [] for name in ask}
    for _ in range(a.rounds):
        for name, f in ask.items():
            runs[name].append(f())
    speed = {name: statistics.median(r["tokens"] / r["seconds"] for r in rs) for name, rs in runs.items()}
    print("| | tokens a second | of transformers | answers equal to its |\n|---|---|---|---|")
    for name, rs in runs.items():
        equal = sum(x.strip() == y.strip() for x, y in zip(rs[0]["texts"], runs["transformers"][0]["texts"]))
        print(f"| {name} | {speed[name]:.1f} | {speed[name] / speed['transformers']:.2f} | {equal} of {len(prompts)} |")


if __name__ == "__main__":
    main()
