"""lm-eval's local-completions over a running `tune serve`, beside `tune eval`: the same log-likelihoods and score.

    ./tune serve --model DIR --dtype fp32 --port 8000 &
    python distribution/src/test/python/lm_eval_peer.py http://127.0.0.1:8000/v1 DIR truthfulqa_mc2.jsonl 30

Needs lm_eval[api] and transformers. Rows are those of `tune eval`: question, mc2_targets.
"""
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import lm_eval
import lm_eval.tasks

root = Path(__file__).resolve().parents[4]
url, folder, data, limit = sys.argv[1], sys.argv[2], str(Path(sys.argv[3]).resolve()), int(sys.argv[4])
with urllib.request.urlopen(url + "/models") as answer:
    model = json.load(answer)["data"][0]["id"]

with tempfile.TemporaryDirectory() as tmp:
    # lm-eval's own task, on the local rows.
    own = Path(lm_eval.tasks.__file__).parent / "truthfulqa" / "truthfulqa_mc2.yaml"
    Path(tmp, "task.yaml").write_text(
        f"include: {own}\ntask: local_mc2\ndataset_path: json\ndataset_name: null\n"
        f"dataset_kwargs:\n  data_files:\n    validation: {data}\n"
        "process_results: !function utils.process_results_mc2\n")
    Path(tmp, "utils.py").write_text((own.parent / "utils.py").read_text())
    manager = lm_eval.tasks.TaskManager(include_path=tmp)
    start = time.time()
    theirs = lm_eval.simple_evaluate(
        model="local-completions", tasks=["local_mc2"], task_manager=manager, limit=limit, bootstrap_iters=0,
        model_args=f"model={model},base_url={url}/completions,tokenizer={folder},tokenizer_backend=huggingface,"
                   "num_concurrent=4,max_retries=2,max_length=2048")
    seconds = time.time() - start

    result = Path(tmp, "result.json")
    command = os.environ.get("TUNE", str(root / "tune")).split()
    subprocess.run([*command, "eval", "--model", folder, "--tasks", "truthfulqa_mc2", "--data", data, "--limit", str(limit),
                    "--dtype", "fp32", "--output", str(result)], check=True, stdout=sys.stderr)
    ours = json.loads(result.read_text())

worst = 0.0
for a, b in zip(sorted(theirs["samples"]["local_mc2"], key=lambda s: s["doc_id"]), ours["samples"]["truthfulqa_mc2"]):
    lls = [float(r[0][0] if isinstance(r[0], (list, tuple)) else r[0]) for r in a["resps"]]
    assert len(lls) == len(b["loglikelihoods"])
    worst = max([worst, *(abs(x - y) for x, y in zip(lls, b["loglikelihoods"]))])
served, direct = theirs["results"]["local_mc2"]["acc,none"], ours["results"]["truthfulqa_mc2"]["acc"]
print(f"{limit} questions: acc {served:.6f} by lm-eval over tune serve ({seconds:.0f} s), {direct:.6f} by tune eval; "
      f"log-likelihoods differ by {worst:.1e} at most")
assert abs(served - direct) < 1e-3 and worst < 1e-3
