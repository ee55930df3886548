"""Two tiny classifiers with PEFT adapters, what they compute, and their gradients, for GoldenClassifierTest.

torch 2.7.1, transformers 4.57.6, peft 0.21.2:
    python make_classifiers.py
Writes into a folder each beside itself: the model as save_pretrained writes it, adapter/ as PEFT does, and
expected.safetensors: input_ids (padded) and lengths; scores of the model and lora_scores with the adapter, both of the
padded batch; loss with the adapter, and gradient.NAME of its tensors by their names in adapter_model.safetensors.

classes: LlamaForSequenceClassification of three named labels; the loss is its own cross-entropy.
reward: Qwen2ForSequenceClassification of one label, head and embedding tied in its config; the loss is TRL's of reward
models, with margins and the coefficient that centers scores.
The last row of each ends with the padding token, which transformers does not score.
"""

import os
import shutil

import peft.tuners.lora.torchao
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import AutoModelForSequenceClassification, LlamaConfig, Qwen2Config

# A torchao that PEFT finds too old stops it, though nothing of it is used here.
peft.tuners.lora.torchao.is_torchao_available = lambda: False

HERE = os.path.dirname(os.path.abspath(__file__))
PAD = 0
LABELS = [2, 0, 1, 2]
MARGINS = torch.tensor([0.5, 0.0])
CENTER = 0.01
SIZES = dict(
    vocab_size=320,
    hidden_size=16,
    intermediate_size=24,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=64,
    pad_token_id=PAD,
    initializer_range=0.3,
)


def rows():
    generator = torch.Generator().manual_seed(3)
    all = [torch.randint(3, 320, (n,), generator=generator).tolist() for n in (9, 4, 12, 7)]
    all[-1][-1] = PAD
    return all


def loss(name, out):
    if name == "classes":
        return out.loss
    chosen, rejected = out.logits[0::2, 0], out.logits[1::2, 0]
    pairs = -torch.nn.functional.logsigmoid(chosen - rejected - MARGINS).mean()
    return pairs + CENTER * ((chosen + rejected) ** 2).mean()


def make(name, config):
    torch.manual_seed(7)
    folder = os.path.join(HERE, name)
    shutil.rmtree(folder, ignore_errors=True)
    model = AutoModelForSequenceClassification.from_config(config).float().eval()
    model.save_pretrained(folder)
    ids = rows()
    longest = max(map(len, ids))
    batch = torch.tensor([r + [PAD] * (longest - len(r)) for r in ids])
    mask = torch.tensor([[1] * len(r) + [0] * (longest - len(r)) for r in ids])
    labels = torch.tensor(LABELS) if name == "classes" else None
    with torch.no_grad():
        scores = model(input_ids=batch, attention_mask=mask).logits
    lora = LoraConfig(
        task_type="SEQ_CLS", r=4, lora_alpha=8, target_modules=["q_proj", "v_proj"], init_lora_weights=False
    )
    adapted = get_peft_model(model, lora).eval()
    trained = {n: p for n, p in adapted.named_parameters() if p.requires_grad}
    with torch.no_grad():
        for n, p in trained.items():
            if "modules_to_save" in n:
                p.add_(0.1 * torch.randn(p.shape))
    out = adapted(input_ids=batch, attention_mask=mask, labels=labels)
    value = loss(name, out)
    value.backward()
    adapted.save_pretrained(os.path.join(folder, "adapter"))
    os.remove(os.path.join(folder, "adapter", "README.md"))
    expected = {
        "input_ids": batch,
        "lengths": torch.tensor([len(r) for r in ids]),
        "scores": scores,
        "lora_scores": out.logits.detach(),
        "loss": value.detach().reshape(1),
    }
    for n, p in trained.items():
        saved = n.replace(".default", "").replace(".modules_to_save", "")
        expected["gradient." + saved] = p.grad.contiguous()
    save_file(expected, os.path.join(folder, "expected.safetensors"))


def main():
    torch.set_num_threads(1)
    names = ["negative", "neutral", "positive"]
    make(
        "classes",
        LlamaConfig(
            **SIZES, id2label=dict(enumerate(names)), label2id={n: i for i, n in enumerate(names)}
        ),
    )
    make("reward", Qwen2Config(**SIZES, num_labels=1, tie_word_embeddings=True))


if __name__ == "__main__":
    main()
