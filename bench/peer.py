"""One peer's LoRA training, rank 8 on q and v, of rows that are tokenised already; prints a JSON line.

    python bench/peer.py peft|torchtune MODEL_DIR TOKENS.json DTYPE STEPS WARMUP

TOKENS.json holds {"rows": [{"tokens": [...], "masked": [...]}, ...]}. Rows are padded to the longest of
their batch of four, attention is PyTorch's own, AdamW is fused: what each peer's recipe does.
"""
import json
import pathlib
import resource
import sys
import time

import torch
import torch.nn.functional as F

BATCH, LR, IGNORED = 4, 3e-4, -100


def with_peft(folder, dtype):
    import peft
    import peft.tuners.lora.torchao as torchao
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


def batch(rows):
    width = max(len(r["tokens"]) for r in rows)
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    labels = torch.full((len(rows), width), IGNORED)
    present = torch.zeros(len(rows), width, dtype=torch.bool)
    for i, row in enumerate(rows):
        tokens = torch.tensor(row["tokens"])
        n = len(tokens)
        ids[i, :n], present[i, :n] = tokens, True
        labels[i, :n - 1] = tokens.masked_fill(torch.tensor(row["masked"], dtype=torch.bool), IGNORED)[1:]
    return ids, labels, present


def main(peer, folder, tokens, dtype, steps, warmup):
    rows = json.loads(pathlib.Path(tokens).read_text())["rows"]
    model, loss = {"peft": with_peft, "torchtune": with_torchtune}[peer](folder, {"bf16": torch.bfloat16, "fp32": torch.float32}[dtype])
    adamw = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=LR, weight_decay=0.01, fused=True)
    count = 0
    for step in range(warmup + steps):
        if step == warmup:
            started = time.perf_counter()
        these = rows[step * BATCH:(step + 1) * BATCH]
        loss(*batch(these)).backward()
        adamw.step()
        adamw.zero_grad()
        count += sum(len(r["tokens"]) for r in these) if step >= warmup else 0
    seconds = time.perf_counter() - started
    print(json.dumps({"tokens_per_second": count / seconds,
                      "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))


if __name__ == "__main__":
    main(*sys.argv[1:5], int(sys.argv[5]), int(sys.argv[6]))
