"""One peer's LoRA training, rank 8 on q and v, of rows that are tokenised already; prints a JSON line.

    python bench/peer.py peft|torchtune|unsloth --model MODEL_DIR --tokens TOKENS.json

TOKENS.json holds {"rows": [{"tokens": [...], "masked": [...]}, ...]}. Rows are padded to the longest of their batch of
four, attention is PyTorch's own, AdamW is fused, nothing is recomputed: what each peer's recipe does. Unsloth's is its
SFTTrainer for CPUs.
"""
import argparse
import json
import pathlib
import tempfile
import time

BATCH, LR, DECAY, IGNORED = 4, 3e-4, 0.01, -100


def with_peft(folder, dtype):
    import peft
    import peft.tuners.lora.torchao as torchao
    import torch.nn.functional as F
    from transformers import AutoModelForCausalLM

    torchao.is_torchao_available = lambda: False  # an old torchao stops PEFT otherwise
    base = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
    lora = peft.LoraConfig(r=8, lora_alpha=16, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
    model = peft.get_peft_model(base, lora, autocast_adapter_dtype=False)

    def loss(ids, labels, present):
        logits = model(input_ids=ids, attention_mask=present.long()).logits
        return F.cross_entropy(logits.float().flatten(0, 1), labels.flatten(), ignore_index=IGNORED)

    return model, loss


def with_torchtune(folder, dtype):
    import torch
    from safetensors.torch import load_file
    from torchtune.models.convert_weights import hf_to_tune
    from torchtune.models.llama3_2._component_builders import lora_llama3_2
    from torchtune.modules.loss import CEWithChunkedOutputLoss
    from torchtune.modules.peft import get_adapter_params, set_trainable_params

    sizes = json.loads((pathlib.Path(folder) / "config.json").read_text())
    torch.set_default_dtype(dtype)
    model = lora_llama3_2(
        lora_attn_modules=["q_proj", "v_proj"], lora_rank=8, lora_alpha=16, vocab_size=sizes["vocab_size"],
        num_layers=sizes["num_hidden_layers"], num_heads=sizes["num_attention_heads"],
        num_kv_heads=sizes["num_key_value_heads"], embed_dim=sizes["hidden_size"], max_seq_len=2048,
        intermediate_dim=sizes["intermediate_size"], rope_base=sizes["rope_theta"], norm_eps=sizes["rms_norm_eps"],
        scale_factor=1)
    weights = {k: v.to(dtype) for k, v in load_file(str(pathlib.Path(folder) / "model.safetensors")).items()}
    model.load_state_dict(
        hf_to_tune(weights, num_heads=sizes["num_attention_heads"], num_kv_heads=sizes["num_key_value_heads"],
                   dim=sizes["hidden_size"]), strict=False)
    set_trainable_params(model, get_adapter_params(model))
    chunked = CEWithChunkedOutputLoss()
    model.set_num_output_chunks(chunked.num_output_chunks)
    return model, lambda ids, labels, present: chunked(model(ids), labels)


def batch(rows, device):
    import torch

    width = max(len(r["tokens"]) for r in rows)
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    labels = torch.full((len(rows), width), IGNORED)
    present = torch.zeros(len(rows), width, dtype=torch.bool)
    for i, row in enumerate(rows):
        tokens = torch.tensor(row["tokens"])
        n = len(tokens)
        ids[i, :n], present[i, :n] = tokens, True
        labels[i, :n - 1] = tokens.masked_fill(torch.tensor(row["masked"], dtype=torch.bool), IGNORED)[1:]
    return ids.to(device), labels.to(device), present.to(device)


def by_loop(build, a, rows, dtype):
    """The seconds of each step, and its loss."""
    import torch

    model, loss = build(a.model, dtype)
    model.to(a.device)
    adamw = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=LR, weight_decay=DECAY, fused=True)
    seconds, losses = [], []
    for at in range(0, len(rows), BATCH):
        started = time.perf_counter()
        value = loss(*batch(rows[at:at + BATCH], a.device))
        value.backward()
        adamw.step()
        adamw.zero_grad()
        losses.append(value.item())  # waits for a GPU
        seconds.append(time.perf_counter() - started)
    return seconds, losses


def by_unsloth(a, rows, dtype):
    from unsloth import FastLanguageModel  # first, as it changes the others
    import datasets
    import torch
    import transformers
    import trl

    model, tokenizer = FastLanguageModel.from_pretrained(a.model, dtype=dtype, load_in_4bit=False, use_gradient_checkpointing=False)
    model = FastLanguageModel.get_peft_model(model, r=8, lora_alpha=16, target_modules=["q_proj", "v_proj"], use_gradient_checkpointing=False)
    seconds = []

    class Clock(transformers.TrainerCallback):
        def on_step_begin(self, *_, **__):
            self.started = time.perf_counter()

        def on_step_end(self, *_, **__):
            seconds.append(time.perf_counter() - self.started)

    class InOrder(trl.SFTTrainer):
        def _get_train_sampler(self, *_):
            return torch.utils.data.SequentialSampler(self.train_dataset)

    labelled = [{"input_ids": r["tokens"], "labels": [IGNORED if m else t for t, m in zip(r["tokens"], r["masked"])]} for r in rows]
    with tempfile.TemporaryDirectory() as out:
        trainer = InOrder(model=model, processing_class=tokenizer, train_dataset=datasets.Dataset.from_list(labelled), callbacks=[Clock()], args=trl.SFTConfig(
            output_dir=out, per_device_train_batch_size=BATCH, gradient_accumulation_steps=1, max_steps=len(rows) // BATCH, learning_rate=LR,
            weight_decay=DECAY, lr_scheduler_type="constant", max_grad_norm=0, bf16=dtype == torch.bfloat16, logging_steps=1, logging_nan_inf_filter=False,
            save_strategy="no", report_to="none", disable_tqdm=True, dataset_kwargs={"skip_prepare_dataset": True}))
        trainer.train()
    return seconds, [line["loss"] for line in trainer.state.log_history if "loss" in line]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("peer", choices=["peft", "torchtune", "unsloth"])
    p.add_argument("--model", required=True)
    p.add_argument("--tokens", required=True)
    p.add_argument("--dtype", choices=["bf16", "fp32"], default="bf16")
    p.add_argument("--device", default="cpu")
    p.add_argument("--steps", type=int, default=20)
    p.add_argument("--warmup", type=int, default=3)
    a = p.parse_args()
    rows = json.loads(pathlib.Path(a.tokens).read_text())["rows"][:(a.warmup + a.steps) * BATCH]
    import torch

    dtype = {"bf16": torch.bfloat16, "fp32": torch.float32}[a.dtype]
    if a.peer == "unsloth":
        seconds, losses = by_unsloth(a, rows, dtype)
    else:
        seconds, losses = by_loop({"peft": with_peft, "torchtune": with_torchtune}[a.peer], a, rows, dtype)
    tokens = sum(len(r["tokens"]) for r in rows[a.warmup * BATCH:])
    print(json.dumps({"tokens_per_second": tokens / sum(seconds[a.warmup:]), "losses": losses}))


if __name__ == "__main__":
    main()
