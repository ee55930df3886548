"""OpenAI's Python client against a running `tune serve`, beside `tune generate`.

    ./tune serve --model DIR --dtype fp32 --port 8000 [--adapter NAME=DIR] &
    python distribution/src/test/python/openai_peer.py http://127.0.0.1:8000/v1 DIR

Needs openai. Leave --api-key out, or set OPENAI_API_KEY to it.
"""
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import openai

root = Path(__file__).resolve().parents[4]
url, folder = sys.argv[1], sys.argv[2]
client = openai.OpenAI(base_url=url, api_key=os.environ.get("OPENAI_API_KEY", "none"), timeout=300)
models = [m.id for m in client.models.list()]
print("models", models)
model = models[0]
assert client.models.retrieve(model).id == model


def generate(*arguments):
    command = os.environ.get("TUNE", str(root / "tune")).split()
    done = subprocess.run([*command, "generate", "--model", folder, "--dtype", "fp32", *arguments], text=True,
                          capture_output=True, check=True)
    return done.stdout.rstrip("\n")


prompt, tokens = "The capital of France is", 24
ours = generate("--prompt", prompt, "--max-new-tokens", str(tokens))
theirs = client.completions.create(model=model, prompt=prompt, max_tokens=tokens, temperature=0)
assert theirs.choices[0].text.rstrip("\n") == ours, (theirs.choices[0].text, ours)
print("completion as tune generate:", repr(ours[:60]))

sampled = generate("--prompt", prompt, "--max-new-tokens", "16", "--temperature", "0.8", "--top-p", "0.9", "--seed", "5")
theirs = client.completions.create(model=model, prompt=prompt, max_tokens=16, temperature=0.8, top_p=0.9, seed=5)
assert theirs.choices[0].text.rstrip("\n") == sampled, (theirs.choices[0].text, sampled)
print("sampled as tune generate:", repr(sampled[:60]))

question = "What is the tallest mountain on Earth?"
ours = generate("--chat", "--prompt", question, "--max-new-tokens", str(tokens))
messages = [{"role": "user", "content": question}]
whole = client.chat.completions.create(model=model, messages=messages, max_tokens=tokens, temperature=0)
assert whole.choices[0].message.content.rstrip("\n") == ours, (whole.choices[0].message.content, ours)
stream = client.chat.completions.create(model=model, messages=messages, max_tokens=tokens, temperature=0, stream=True,
                                        stream_options={"include_usage": True}, logprobs=True, top_logprobs=3)
pieces, usage, scored = [], None, 0
for chunk in stream:
    for choice in chunk.choices:
        pieces.append(choice.delta.content or "")
        scored += len(choice.logprobs.content) if choice.logprobs and choice.logprobs.content else 0
    usage = chunk.usage or usage
assert "".join(pieces) == whole.choices[0].message.content
assert usage.completion_tokens == whole.usage.completion_tokens == scored
print("chat, whole and in", len(pieces), "pieces, as tune generate --chat:", repr(ours[:60]))

scores = client.completions.create(model=model, prompt=["one two three", "four"], max_tokens=1, temperature=0, echo=True,
                                   logprobs=5, n=2)
assert [c.index for c in scores.choices] == [0, 1, 2, 3]
assert scores.choices[0].logprobs.token_logprobs[0] is None and len(scores.choices[0].logprobs.top_logprobs[1]) >= 5
assert scores.choices[0].logprobs == scores.choices[1].logprobs

for kind, change in ((openai.NotFoundError, {"model": "none"}), (openai.BadRequestError, {"temperature": 3}),
                     (openai.BadRequestError, {"logit_bias": {"5": 1}})):
    try:
        client.completions.create(**{"model": model, "prompt": "a", **change})
        raise SystemExit(f"{change} is not refused")
    except kind as e:
        print("refused:", e.body["message"])

# Four answers under way are left; the next one does not wait for them.
for _ in range(4):
    left = client.completions.create(model=model, prompt=prompt, max_tokens=200, temperature=1, stream=True)
    next(iter(left))
    left.close()

# 64 clients at once, each with a prompt of its own.
prompts = [f"{i} plus {i + 1} is" for i in range(64)]
alone = [client.completions.create(model=model, prompt=p, max_tokens=8, temperature=0).choices[0].text for p in prompts]
with ThreadPoolExecutor(64) as pool:
    together = list(pool.map(lambda p: client.completions.create(model=model, prompt=p, max_tokens=8, temperature=0)
                             .choices[0].text, prompts))
assert alone == together
print("64 clients at once: each its own answer")
