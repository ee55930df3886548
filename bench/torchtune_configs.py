"""Validates every config of a torchtune checkout as it is, and writes the table of docs/migrate.md.

    python3 bench/torchtune_configs.py CHECKOUT [--write docs/migrate.md] [--lines]

CHECKOUT is a clone of https://github.com/pytorch/torchtune, or its folder recipes/configs. Nothing is read but the configs.
A config counts as valid, or as one that names what is missing; exits with 1 if one is refused for another reason. With
--lines, prints what is said of each config that is not valid. Takes about five minutes on two cores.
"""
import argparse
import collections
import pathlib
import re
import subprocess
import sys

TUNE = pathlib.Path(__file__).resolve().parent.parent / "tune"
BEGIN, END = "<!-- bench/torchtune_configs.py: begin -->", "<!-- end -->"
VALID = re.compile(r": valid for (\S+)$")
MISSING = re.compile(r"(?:.*?: )?(\S[^:;]*?) is not supported( yet)?(?:;.*)?$")
# Words of messages that do not begin with what is missing.
NAMES = {"use_dora=true": "DoRA", "quantize_base=true (QLoRA)": "QLoRA"}
FILES = re.compile(r"which is not a safetensors file")
BROKEN = re.compile(r"'(\$\{\w+\})' names no key")


def missing(line):
    """What a message says is missing; None for one of another kind."""
    if FILES.search(line):
        return "weights in `pytorch_model.bin`"
    if broken := BROKEN.search(line):
        return f"`{broken.group(1)}`, which the config refers to and lacks"
    found = MISSING.match(line)
    return found and NAMES.get(found.group(1), found.group(1))


def judge(code, out, err):
    """The recipe of a valid config and None, or None and what is missing; neither for another refusal."""
    if code == 0:
        return VALID.search(out.strip()).group(1), None
    reasons = [missing(line) for line in err.splitlines()]
    return None, None if None in reasons or not reasons else sorted(set(reasons))


def table(valid, lacking, other):
    total = sum(valid.values()) + sum(lacking.values()) + len(other)
    rows = ["| configs | |", "|---|---|", f"| {total} | all |", f"| **{sum(valid.values())}** | validate as they are |"]
    rows += [f"| {n} | for `{recipe}` |" for recipe, n in sorted(valid.items(), key=lambda i: (-i[1], i[0]))]
    rows += [f"| **{sum(lacking.values())}** | are refused with the name of what is missing |"]
    rows += [f"| {n} | {', '.join(what)} |" for what, n in sorted(lacking.items(), key=lambda i: (-i[1], i[0]))]
    return "\n".join(rows + [f"| **{len(other)}** | are refused for another reason |"])


def write(page, text):
    before, rest = page.read_text().split(BEGIN)
    page.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.split(END, 1)[1]}")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("checkout", type=pathlib.Path)
    p.add_argument("--write", metavar="PAGE", type=pathlib.Path)
    p.add_argument("--lines", action="store_true")
    a = p.parse_args()
    configs = a.checkout / "recipes/configs"
    files = sorted((configs if configs.is_dir() else a.checkout).rglob("*.yaml"))
    if not files:
        sys.exit(f"{a.checkout}: no configs here; name a torchtune checkout")
    valid, lacking, other = collections.Counter(), collections.Counter(), []
    for file in files:
        done = subprocess.run([TUNE, "validate", file], capture_output=True, text=True)
        recipe, what = judge(done.returncode, done.stdout, done.stderr)
        if recipe:
            valid[recipe] += 1
        elif what:
            lacking[tuple(what)] += 1
        else:
            other.append(file)
        if done.returncode and (a.lines or not what):
            print(done.stderr.strip(), file=sys.stderr)
    text = table(valid, lacking, other)
    print(text)
    if a.write:
        write(a.write, text)
    sys.exit(1 if other else 0)


if __name__ == "__main__":
    main()
