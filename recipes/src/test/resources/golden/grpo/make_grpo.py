"""Losses of GRPO by TRL's own GRPOTrainer, and their gradients, for GrpoLossTest; advantages for RewardScaleTest.

torch 2.7.1, transformers 4.57.6, trl 0.25.1:
    python make_grpo.py
Writes grpo.json beside itself. A step has two micro-batches of two answers. TRL's method is given the
log-probabilities, in fp64, instead of a model. Advantages are the lines of its _generate_and_score_completions.
"""

import json
import os
from collections import defaultdict
from types import SimpleNamespace

import torch
from trl.trainer.grpo_trainer import GRPOTrainer

torch.set_default_dtype(torch.float64)
HERE = os.path.dirname(os.path.abspath(__file__))
LENGTHS = [3, 7, 1, 5]
LONGEST = 9
CASES = [
    dict(loss_type="grpo", beta=0.04, epsilon=0.2, epsilon_high=0.2, earlier=True),
    dict(loss_type="grpo", beta=0.04, epsilon=0.2, epsilon_high=0.2, earlier=False),
    dict(loss_type="dapo", beta=0.0, epsilon=0.2, epsilon_high=0.28, earlier=True),
    dict(loss_type="dr_grpo", beta=0.1, epsilon=0.1, epsilon_high=0.3, earlier=True),
    dict(loss_type="bnpo", beta=0.04, epsilon=0.2, epsilon_high=0.2, earlier=True),
    dict(loss_type="bnpo", beta=0.0, epsilon=0.2, epsilon_high=0.2, earlier=False),
]


def loss(case, policy, earlier, reference, mask, advantages):
    trainer = SimpleNamespace(
        _get_per_token_logps_and_entropies=lambda *a, **k: (policy, torch.zeros_like(policy)),
        top_entropy_quantile=1.0, beta=case["beta"], importance_sampling_level="token",
        epsilon_low=case["epsilon"], epsilon_high=case["epsilon_high"], args=SimpleNamespace(delta=None),
        use_vllm=False, loss_type=case["loss_type"], current_gradient_accumulation_steps=2,
        max_completion_length=LONGEST, model=SimpleNamespace(training=True),
        accelerator=SimpleNamespace(num_processes=1, gather=lambda x: x), _metrics=defaultdict(lambda: defaultdict(list)))
    ids = torch.zeros(mask.shape, dtype=torch.long)
    inputs = dict(prompt_ids=ids, prompt_mask=ids, completion_ids=ids, completion_mask=mask, advantages=advantages,
                  num_items_in_batch=sum(LENGTHS), ref_per_token_logps=reference)
    if case["earlier"]:
        inputs["old_per_token_logps"] = earlier
    return GRPOTrainer._compute_loss(trainer, None, inputs)


def rows(values):
    return [v[:n].tolist() for v, n in zip(values, LENGTHS)]


def advantages(rewards, group, scale):
    r = torch.tensor(rewards)
    mean = r.view(-1, group).mean(dim=1).repeat_interleave(group)
    std = r.std().expand_as(r) if scale == "batch" else r.view(-1, group).std(dim=1).repeat_interleave(group)
    a = r - mean
    return (a if scale == "none" else a / (std + 1e-4)).tolist()


def main():
    torch.manual_seed(3)
    size = (len(LENGTHS), max(LENGTHS))
    policy = -3 * torch.rand(size) - 0.1
    earlier = policy + 0.3 * torch.randn(size)
    reference = policy + 0.5 * torch.randn(size)
    rated = torch.tensor([0.9, -1.1, 1.3, -0.4])
    mask = torch.tensor([[1.0 if i < n else 0.0 for i in range(size[1])] for n in LENGTHS])
    out = {"max_new_tokens": LONGEST, "policy": rows(policy), "earlier": rows(earlier), "reference": rows(reference),
           "advantages": rated.tolist(), "cases": [], "scaled": []}
    for case in CASES:
        leaf = policy.clone().requires_grad_()
        total = sum(loss(case, leaf[s], earlier[s], reference[s], mask[s], rated[s]) for s in (slice(0, 2), slice(2, 4)))
        total.backward()
        out["cases"].append({**case, "loss": total.item(), "gradient": rows(leaf.grad)})
    rewards = [0.0, 1.0, 0.5, 0.25, 1.0, 1.0, 1.0, 1.0]
    for scale in ("group", "batch", "none"):
        out["scaled"].append({"scale": scale, "rewards": rewards, "advantages": advantages(rewards, 4, scale)})
    with open(os.path.join(HERE, "grpo.json"), "w") as f:
        json.dump(out, f, indent=1)


if __name__ == "__main__":
    main()
