"""Many clients at once at `tune serve`: every answer is what the client would get alone, memory stays, overload is told.

    python3 bench/serve_load.py --model SMOLLM2_135M_INSTRUCT_DIR --data alpaca.json [--backend djl] [--dtype fp32]

Starts two servers, one after the other. The first has room for all: its answers to the clients together are compared with
those to one client after the other, and its resident size after each round is printed. The second has a queue of 8: each
answer must be right or 429 with Retry-After. Exits 1 where anything else happens. Needs Python alone.
"""
import argparse
import concurrent.futures
import json
import pathlib
import re
import subprocess
import sys
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent


class Server:
    def __init__(self, a, *more):
        self.process = subprocess.Popen([HERE.parent / "tune", "serve", "--model", a.model, "--name", "m", "--port", "0", "--backend", a.backend,
                                         "--dtype", a.dtype, *more], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for line in self.process.stdout:
            found = re.search(r"http://[^/ ]+", line)
            if found:
                self.url = found.group()
                return
        sys.exit("no server")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def ask(self, text, tokens):
        body = {"model": "m", "messages": [{"role": "user", "content": text}], "max_tokens": tokens, "temperature": 0}
        request = urllib.request.Request(self.url + "/v1/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=600) as answer:
                return 200, json.load(answer)["choices"][0]["message"]["content"]
        except urllib.error.HTTPError as e:
            return e.code, e.headers.get("Retry-After")

    def mebibytes(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) // 1024


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", required=True)
    p.add_argument("--data", required=True)
    p.add_argument("--backend", default="javacpp")
    p.add_argument("--dtype", default="bf16")
    p.add_argument("--clients", type=int, default=64)
    p.add_argument("--tokens", type=int, default=24)
    p.add_argument("--rounds", type=int, default=3)
    a = p.parse_args()
    rows = json.loads(pathlib.Path(a.data).read_text())
    texts = [" ".join((r["instruction"] + " " + r["input"]).split()) for r in rows]
    texts = [f"{i}. {texts[i % len(texts)]}" for i in range(a.clients)]
    together = concurrent.futures.ThreadPoolExecutor(a.clients)
    wrong = 0
    with Server(a, "--queue", str(a.clients)) as server:
        alone = [server.ask(t, a.tokens) for t in texts]
        print(f"one after the other: {server.mebibytes()} MiB")
        for i in range(a.rounds):
            found = list(together.map(lambda t: server.ask(t, a.tokens), texts))
            differ = sum(x != y for x, y in zip(found, alone))
            wrong += differ
            print(f"{a.clients} at once, round {i + 1}: {differ} answers differ, {server.mebibytes()} MiB")
    with Server(a, "--queue", "8") as server:
        found = list(together.map(lambda t: server.ask(t, a.tokens), texts))
        busy = [f for f in found if f[0] == 429 and f[1]]
        wrong += sum(f not in busy and f != y for f, y in zip(found, alone)) + (not busy)
        print(f"a queue of 8: {len(busy)} told to come again, {sum(f[0] == 200 for f in found)} answered")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
