"""Compares two checkouts on one machine: the bytes of the adapters that they train, then their speed and peak resident size.

    python3 bench/same_bytes.py BEFORE AFTER [--speed MODEL_DIR --data alpaca.json] [--rounds 3] [--dtype bf16]

Both checkouts must be built (`./tune --help` builds). The adapters are those of the quickstart and of a tiny Llama, rank 4 on every
linear, on both backends. For speed both runs exist at once and compute in turns of two seconds, so that both meet the same drift of
the machine: whole runs one after the other differ by 30 % on a shared machine, ratios taken in turns by 2 %. Speed and size are
printed as ratios. Exits with 1 if bytes differ.
"""
import argparse
import hashlib
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import runs

FILES = ("adapter_model.safetensors", "adapter_config.json")
RUN = ("run", "lora_finetune_single_device", "--config")


def tune(checkout, *arguments):
    runs.call([checkout / "tune", *arguments])


def tiny(before):
    golden = before / "models/src/test/resources/golden/tiny/families/llama2"
    return ["smollm2/135M_lora_single_device", "model._component_=lora_auto", f"checkpointer.checkpoint_dir={golden}",
            f"tokenizer.path={before / 'docs/tiny/tokenizer.json'}", f"dataset.data_files={before / 'docs/tiny/rows.jsonl'}",
            "lora_attn_modules=['q_proj','k_proj','v_proj','output_proj']", "apply_lora_to_mlp=true", "lora_rank=4",
            "dtype=fp32", "max_steps_per_epoch=10", "tokenizer.max_seq_len=128"]


def adapters(checkout, before, backend):
    digests = {}
    quickstart = ["quickstart", f"checkpointer.checkpoint_dir={before / 'quickstart/model'}"]
    for name, arguments in (("quickstart", quickstart), ("tiny", tiny(before))):
        with tempfile.TemporaryDirectory() as out:
            tune(checkout, *RUN, *arguments, f"backend={backend}", f"output_dir={out}", "seed=1", "epochs=1",
                 "save_adapter_weights_only=true")
            for file in FILES:
                content = (pathlib.Path(out) / "epoch_0" / file).read_bytes()
                digests[f"{name}/{file}"] = hashlib.sha256(content).hexdigest()
    return digests


class Turns:
    """A run that computes only in its turns, and how long it had computed when each step was logged."""
    WARMUP, STEPS, SECONDS = 3, 20, 2.0

    def __init__(self, checkout, backend, out, a):
        self.log = pathlib.Path(out) / "logs" / "metrics.jsonl"
        self.computed, self.logged, self.mib = 0.0, [], None
        command = [checkout / "tune", "run", *runs.RECIPE, f"checkpointer.checkpoint_dir={a.speed}", f"dataset.data_files={a.data}", "shuffle=false",
                   "batch_size=4", f"output_dir={out}", f"backend={backend}", f"dtype={a.dtype}", f"max_steps_per_epoch={self.WARMUP + self.STEPS}",
                   "epochs=1", "save_adapter_weights_only=true"]
        self.process = subprocess.Popen([str(c) for c in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        os.killpg(self.process.pid, signal.SIGSTOP)

    def ended(self):
        if self.mib is None:
            pid, status, usage = os.wait4(self.process.pid, os.WNOHANG)
            if pid:
                self.mib, self.process.returncode = usage.ru_maxrss >> 10, os.waitstatus_to_exitcode(status)
        return self.mib is not None

    def take(self):
        begin = time.monotonic()
        os.killpg(self.process.pid, signal.SIGCONT)
        while time.monotonic() - begin < self.SECONDS and not self.ended():
            time.sleep(0.02)
            now = self.computed + time.monotonic() - begin
            self.logged += [now] * (len(self.lines()) - len(self.logged))
        if not self.ended():
            os.killpg(self.process.pid, signal.SIGSTOP)
        self.computed += time.monotonic() - begin

    def lines(self):
        text = self.log.read_text() if self.log.exists() else ""
        return [line for line in text[:text.rfind("\n") + 1].splitlines() if '"seconds"' in line]

    def speed(self):
        if self.process.returncode:
            raise RuntimeError(f"{' '.join(self.process.args[:4])} ...: exit code {self.process.returncode}")
        tokens = sum(json.loads(line)["tokens"] for line in self.lines()[self.WARMUP:])
        return tokens / (self.logged[-1] - self.logged[self.WARMUP - 1])


def in_turns(backend, a):
    """Tokens a second and peak MiB of both, before and after."""
    with tempfile.TemporaryDirectory() as before, tempfile.TemporaryDirectory() as after:
        both = [Turns(a.before, backend, before, a), Turns(a.after, backend, after, a)]
        while not all([run.ended() for run in both]):
            for run in both:
                if not run.ended():
                    run.take()
        return [(run.speed(), run.mib) for run in both]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("before", type=lambda d: pathlib.Path(d).resolve())
    p.add_argument("after", type=lambda d: pathlib.Path(d).resolve())
    p.add_argument("--speed", metavar="MODEL_DIR")
    p.add_argument("--data")
    p.add_argument("--dtype", default="bf16")
    p.add_argument("--rounds", type=int, default=3)
    a = p.parse_args()
    differ = False
    for backend in runs.BACKENDS:
        one, other = (adapters(c, a.before, backend) for c in (a.before, a.after))
        for file in one:
            differ |= one[file] != other[file]
            print(f"{backend} {file}: {'same bytes' if one[file] == other[file] else 'DIFFER'}", flush=True)
    if a.speed:
        for backend in runs.BACKENDS:
            pairs = [in_turns(backend, a) for _ in range(a.rounds)]
            rate, rss = ([statistics.median(pair[i][j] for pair in pairs) for i in (0, 1)] for j in (0, 1))
            print(f"{backend} {a.dtype}: speed {rate[1] / rate[0]:.3f}, peak resident size {rss[1] / rss[0]:.3f} of before", flush=True)
    sys.exit(differ)


if __name__ == "__main__":
    main()
