"""Twenty updates by the Python originals, for OptimizersTest.

torch 2.7.1, transformers 4.57.6, torchao 0.11.0, bitsandbytes 0.50.2, lion-pytorch 0.2.5,
schedulefree 1.4.1:
    python make_optimizers.py
Writes optimizers.safetensors beside itself: first values (value.NAME), gradients (gradient.NAME and
shift.NAME: the gradient of update t is SCALES[t % 4] gradient + shift), and the values after the last
update (VARIANT.NAME). Scales are powers of two, so that every program has the same gradients.

AdamW in 8 bits is torchao's, whose maps and blocks are those of bitsandbytes: bitsandbytes' own CPU kernel gives one number
in five hundred the code beside the nearest.
"""

import os
import sys

import torch
from safetensors.torch import save_file

SCALES = [1.0, -0.5, 2.0, 0.25]
UPDATES = 20
HERE = os.path.dirname(os.path.abspath(__file__))


def first():
    torch.manual_seed(5)
    shapes = {"matrix": (3, 7), "vector": (5,), "experts": (2, 3, 5)}
    small = {n: torch.randn(s) for n, s in shapes.items()}
    large = {"large": torch.randn(16, 256)}
    values = {**small, **large}
    # Elements of a block differ by a power of ten; where they differ by more, second moments in 8 bits become 0.
    gradients = {n: torch.randn(v.shape).sign() * 10 ** -torch.rand(v.shape) for n, v in values.items()}
    shifts = {n: 0.1 * torch.randn(v.shape) * gradients[n] for n, v in values.items()}
    gradients["matrix"][1] = 0
    shifts["matrix"][1] = 0
    return values, gradients, shifts


def run(make, names, values, gradients, shifts, evaluated=False):
    parameters = {n: torch.nn.Parameter(values[n].clone()) for n in names}
    optimizer = make(list(parameters.values()))
    if evaluated:
        optimizer.train()
    for t in range(UPDATES):
        for n, p in parameters.items():
            p.grad = SCALES[t % 4] * gradients[n] + shifts[n]
        optimizer.step()
    out = {n: p.detach().clone() for n, p in parameters.items()}
    if evaluated:
        optimizer.eval()
        out.update({n + ".average": p.detach().clone() for n, p in parameters.items()})
    return out


def main():
    import lion_pytorch
    import schedulefree
    import torchao.optim
    from transformers.optimization import Adafactor

    torch._dynamo.config.disable = True
    torch.set_num_threads(1)
    small = ["matrix", "vector", "experts"]
    variants = {
        "adamw": (small, lambda p: torch.optim.AdamW(p, lr=1e-2, weight_decay=0.1)),
        "sgd": (small, lambda p: torch.optim.SGD(p, lr=1e-2, momentum=0.9, weight_decay=0.1)),
        "nesterov": (small, lambda p: torch.optim.SGD(p, lr=1e-2, momentum=0.9, nesterov=True)),
        "lion": (small, lambda p: lion_pytorch.Lion(p, lr=1e-2, betas=(0.9, 0.99), weight_decay=0.1)),
        "adafactor": (small, Adafactor),
        "adafactor_warmup": (small, lambda p: Adafactor(p, warmup_init=True, beta1=0.9, clip_threshold=0.5)),
        "adafactor_lr": (
            small,
            lambda p: Adafactor(p, lr=1e-2, relative_step=False, scale_parameter=False, weight_decay=0.1),
        ),
        "schedule_free": (
            small,
            lambda p: schedulefree.AdamWScheduleFree(p, lr=1e-2, weight_decay=0.1, warmup_steps=5, r=1.0),
        ),
        "adamw_8bit": (["large", "vector"], lambda p: torchao.optim.AdamW8bit(p, lr=1e-2, weight_decay=0.1)),
    }
    values, gradients, shifts = first()
    out = {}
    for kind, tensors in ("value", values), ("gradient", gradients), ("shift", shifts):
        out.update({f"{kind}.{n}": t for n, t in tensors.items()})
    for name, (names, make) in variants.items():
        after = run(make, names, values, gradients, shifts, evaluated=name == "schedule_free")
        out.update({f"{name}.{n}": t.contiguous() for n, t in after.items()})
    import bitsandbytes.functional as F

    for signed in True, False:
        out["map.signed" if signed else "map.unsigned"] = F.create_dynamic_map(signed=signed)
    save_file(out, os.path.join(HERE, "optimizers.safetensors"))
    print(f"{sys.argv[0]}: {len(out)} tensors")


if __name__ == "__main__":
    main()
