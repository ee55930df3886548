"""Seconds a question and scores of lm-eval and both backends on TruthfulQA's MC2, taking turns in one run.

    python3 -m venv VENV && VENV/bin/pip install -r bench/requirements.txt
    VENV/bin/python bench/eval.py --model SMOLLM2_135M_INSTRUCT_DIR --data truthfulqa_mc2.jsonl

The data's rows have question and mc2_targets, as the data set's own. Loading is not counted on either side. Prints the
README's table; with --text FILE also what each says of that text's perplexity.
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
import json, pathlib, sys, tempfile, time
import lm_eval.tasks
import torch
from lm_eval.models.huggingface import HFLM
model, data, text, limit, batch = sys.argv[1:]
folder = pathlib.Path(tempfile.mkdtemp())
own = pathlib.Path(lm_eval.__file__).parent / "tasks" / "truthfulqa" / "truthfulqa_mc2.yaml"
rows = [dict(json.loads(line), mc1_targets={"choices": [""], "labels": [1]}) for line in open(data)]
(folder / "rows.jsonl").write_text("".join(json.dumps(r) + "\\n" for r in rows))
source = lambda file: f"dataset_path: json\\ndataset_name: null\\ndataset_kwargs: {{data_files: {{validation: {file}}}}}\\n"
(folder / "mc2.yaml").write_text(f"include: {own}\\ntask: mc2\\n" + source(folder / "rows.jsonl"))
tasks = ["mc2"]
if text:
    (folder / "text.jsonl").write_text(json.dumps({"text": open(text).read()}) + "\\n")
    metrics = "".join(f"  - {{metric: {m}, aggregation: {a}, higher_is_better: false}}\\n" for m, a in
                      (("word_perplexity", "weighted_perplexity"), ("byte_perplexity", "weighted_perplexity"), ("bits_per_byte", "bits_per_byte")))
    (folder / "text.yaml").write_text("task: text\\noutput_type: loglikelihood_rolling\\nvalidation_split: validation\\ndoc_to_text: ''\\n"
                                      "doc_to_target: '{{text}}'\\n" + source(folder / "text.jsonl") + "metric_list:\\n" + metrics)
lm = HFLM(pretrained=model, dtype="float32", device="cpu", batch_size=int(batch))
manager = lm_eval.tasks.TaskManager(include_path=str(folder), include_defaults=False)
start = time.perf_counter()
out = lm_eval.simple_evaluate(lm, tasks=["mc2"], task_manager=manager, limit=int(limit), log_samples=True, bootstrap_iters=0)
seconds = time.perf_counter() - start
texts = lm_eval.simple_evaluate(lm, tasks=["text"], task_manager=manager, bootstrap_iters=0)["results"]["text"] if text else {}
sums = [[float(r[0][0] if isinstance(r[0], (list, tuple)) else r[0]) for r in s["resps"]] for s in sorted(out["samples"]["mc2"], key=lambda s: s["doc_id"])]
print(json.dumps({"seconds": seconds, "acc": out["results"]["mc2"]["acc,none"], "sums": sums,
                  "text": {k.split(",")[0]: v for k, v in texts.items() if isinstance(v, float)}}))
"""


def lm_eval(a):
    out = subprocess.run([sys.executable, "-c", PEER, a.model, a.data, a.text, str(a.limit), str(a.batch)], capture_output=True, text=True)
    if out.returncode:
        sys.exit(out.stderr)
    return json.loads(out.stdout.strip().splitlines()[-1])


def tune(backend, tasks, data, a):
    with tempfile.TemporaryDirectory() as out:
        file = pathlib.Path(out) / "result.json"
        subprocess.run([HERE.parent / "tune", "eval", "--model", a.model, "--tasks", tasks, "--data", data, "--limit", str(a.limit),
                        "--dtype", "fp32", "--backend", backend, "--output", file], capture_output=True, check=True)
        return json.loads(file.read_text())


def ours(backend, a):
    r = tune(backend, "truthfulqa_mc2", a.data, a)
    text = {}
    if a.text:
        text = tune(backend, "perplexity", a.text, a)["results"]["perplexity"]
    return {"seconds": r["seconds"], "acc": r["results"]["truthfulqa_mc2"]["acc"],
            "sums": [s["loglikelihoods"] for s in r["samples"]["truthfulqa_mc2"]], "text": text}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", required=True)
    p.add_argument("--data", required=True)
    p.add_argument("--text", default="")
    p.add_argument("--limit", type=int, default=30)
    p.add_argument("--batch", type=int, default=1, help="lm-eval's batch size")
    p.add_argument("--rounds", type=int, default=2)
    a = p.parse_args()
    runs = {"lm-eval": [], "javacpp": [], "djl": []}
    for _ in range(a.rounds):
        for name in runs:
            runs[name].append(lm_eval(a) if name == "lm-eval" else ours(name, a))
    seconds = {name: statistics.median(r["seconds"] for r in rs) / len(rs[0]["sums"]) for name, rs in runs.items()}
    peer = runs["lm-eval"][0]
    print("| | seconds a question | times as fast | acc | worst difference of a log-likelihood |\n|---|---|---|---|---|")
    for name, rs in runs.items():
        worst = max(abs(x - y) for q, r in zip(rs[0]["sums"], peer["sums"]) for x, y in zip(q, r))
        print(f"| {name} | {seconds[name]:.2f} | {seconds['lm-eval'] / seconds[name]:.1f} | {rs[0]['acc']:.4f} | {worst:.1e} |")
    for name, rs in runs.items():
        for metric, value in rs[0]["text"].items():
            print(f"{name}: {metric} {value:.6f}")


if __name__ == "__main__":
    main()
