"""Compares what TensorBoard and MLflow themselves read with a run's logs/metrics.jsonl.

    pip install tensorboard mlflow
    mlflow server --host 127.0.0.1 --port 5077 &
    ./tune run ... "metric_logger=[{_component_: disk_logger}, {_component_: tensorboard_logger},
        {_component_: mlflow_logger, tracking_uri: 'http://127.0.0.1:5077'}]"
    python recipes/src/test/python/check_loggers.py OUTPUT_DIR

Kill the run, resume it and compare again: every step must be there once. Exits with 1 where anything differs.
"""
import json
import pathlib
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request

import mlflow
import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

output = pathlib.Path(sys.argv[1])
steps = [json.loads(line) for line in (output / "logs/metrics.jsonl").read_text().splitlines()]
names = [n for n in steps[0] if n != "step"]
notes = json.loads((output / "logs/loggers.json").read_text())
failed = False


def compare(reader, name, pairs, as_type):
    """pairs: (step, value) as read, in the reader's order."""
    global failed
    expected = [(s["step"], as_type(s[name])) for s in steps if name in s]
    # A resumed run makes its steps in other times: a step that was sent before the kill keeps its own.
    timed = name in ("seconds", "tokens_per_second", "rss_mb")
    same = [p[0] for p in pairs] == [e[0] for e in expected] and (timed or pairs == expected)
    failed |= not same
    print(f"{'same' if same else 'DIFFERENT'}  {reader:24} {name:18} {len(pairs)} of {len(expected)} steps")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


for target, note in notes.items():
    if target.startswith("tensorboard "):
        folder = pathlib.Path(note)
        events = EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()
        for name in names:
            compare("EventAccumulator", name, [(e.step, e.value) for e in events.Scalars(name)], lambda v: float(np.float32(v)))
        port = free_port()
        server = subprocess.Popen(
            [sys.executable, "-m", "tensorboard.main", "--logdir", str(folder.parent), "--port", str(port), "--samples_per_plugin", "scalars=100000"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            for name in names:
                query = urllib.parse.urlencode({"run": folder.name, "tag": name})
                for attempt in range(120):
                    try:
                        with urllib.request.urlopen(f"http://127.0.0.1:{port}/data/plugin/scalars/scalars?{query}") as r:
                            rows = json.load(r)
                        break
                    except OSError:
                        time.sleep(0.5)
                compare("tensorboard (server)", name, [(r[1], r[2]) for r in rows], lambda v: float(np.float32(v)))
        finally:
            server.terminate()
    elif target.startswith("mlflow "):
        client = mlflow.MlflowClient(tracking_uri=target.split()[1])
        run = client.get_run(note)
        print(f"MLflow run {run.info.run_name}: {run.info.status}, {len(run.data.params)} parameters")
        for name in names:
            history = sorted(client.get_metric_history(note, name), key=lambda m: m.step)
            compare("mlflow", name, [(m.step, m.value) for m in history], float)
    elif target.startswith("disk "):
        lines = pathlib.Path(target.removeprefix("disk ")).read_bytes()[int(note):].decode().splitlines()
        compare("disk", "loss", [(int(l.split()[1]), float(l.split("loss:")[1].split()[0])) for l in lines], float)

sys.exit(1 if failed else 0)
