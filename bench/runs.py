"""What the scripts beside this one share: the processor's name, and runs of ./tune and of its peers with their speed and peak memory."""
import json
import os
import pathlib
import platform
import subprocess
import sys
import tempfile
import time
import typing

ROOT = pathlib.Path(__file__).resolve().parent.parent
BACKENDS, PEERS = ("javacpp", "djl"), ("torchtune", "peft", "unsloth")
RECIPE = ("lora_finetune_single_device", "--config", "smollm2/135M_lora_single_device")


class Run(typing.NamedTuple):
    """Tokens a second after the warm-up; peak MiB, resident or of the GPU; the losses of all steps."""
    speed: float
    mib: int
    losses: list


def cpu():
    """What /proc/cpuinfo says of the first processor."""
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text().split("\n\n")[0]
    except OSError:
        return {}
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in text.splitlines())}


def has_bf16():
    """Whether the processor multiplies bf16 itself."""
    flags = (cpu().get("flags") or cpu().get("Features") or "").split()
    return any(f in flags for f in ("avx512_bf16", "amx_bf16", "bf16"))


def cores():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def processor():
    flags = cpu().get("flags", "").split()
    has = [name for flag, name in (("avx2", "AVX2"), ("avx512f", "AVX-512"), ("avx512_bf16", "AVX-512 bf16"), ("amx_bf16", "AMX bf16")) if flag in flags]
    return ", ".join([cpu().get("model name") or platform.processor() or platform.machine(), f"{cores()} cores", *has])


def smi(query):
    """What nvidia-smi answers, a line a GPU."""
    done = subprocess.run(["nvidia-smi", "--query-gpu=" + query, "--format=csv,noheader,nounits"], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError((done.stdout + done.stderr).strip())
    return done.stdout.strip().splitlines()


def call(command, device="cpu", **env):
    """What a command prints, and the peak MiB of its memory: what it adds to the first GPU's, or its largest process's resident size."""
    used = (lambda: int(smi("memory.used")[0])) if device != "cpu" else lambda: 0
    before = peak = used()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen([str(c) for c in command], stdout=out, stderr=err, env=dict(os.environ, **env))
        pid = 0
        while not pid:
            pid, status, usage = os.wait4(process.pid, 0 if device == "cpu" else os.WNOHANG)
            peak = max(peak, used())
            time.sleep(0 if pid else 0.05)
        process.returncode = os.waitstatus_to_exitcode(status)
        for stream in (out, err):
            stream.seek(0)
        printed, said = out.read(), err.read()
    if process.returncode:
        last = (said.strip() or printed.strip()).splitlines()[-1:]
        raise RuntimeError(f"{' '.join(map(str, command[:4]))} ...: exit code {process.returncode}: {''.join(last)}")
    return printed, usage.ru_maxrss >> 10 if device == "cpu" else peak - before


def train(backend, model, data, *keys, recipe=RECIPE, batch=4, dtype="bf16", device="cpu", steps=None, warmup=3, tune=ROOT / "tune", **env):
    """A run of ./tune on Alpaca's rows, in the file's order, rank 8 on q and v as the peers; of `steps` after `warmup`, or of all rows."""
    with tempfile.TemporaryDirectory() as out:
        limit = [f"max_steps_per_epoch={steps + warmup}"] if steps else []
        _, mib = call([tune, "run", *recipe, f"checkpointer.checkpoint_dir={model}", f"dataset.data_files={data}", "shuffle=false", f"batch_size={batch}",
                       f"output_dir={out}", f"backend={backend}", f"dtype={dtype}", f"device={device}", "optimizer.lr=3e-4", "epochs=1",
                       "save_adapter_weights_only=true", *limit, *keys], device, **env)
        lines = [json.loads(line) for line in (pathlib.Path(out) / "logs" / "metrics.jsonl").read_text().splitlines()]
    timed = lines[warmup:]
    return Run(sum(s["tokens"] for s in timed) / sum(s["seconds"] for s in timed), mib, [s["loss"] for s in lines])


def peer(name, model, tokens, dtype="bf16", device="cpu", steps=20, warmup=3, **env):
    """The same by a peer, on rows that are tokenised already."""
    printed, mib = call([sys.executable, ROOT / "bench" / "peer.py", name, "--model", model, "--tokens", tokens, "--dtype", dtype,
                         "--device", device, "--steps", steps, "--warmup", warmup], device, **env)
    result = json.loads(printed.strip().splitlines()[-1])
    return Run(result["tokens_per_second"], mib, result["losses"])
