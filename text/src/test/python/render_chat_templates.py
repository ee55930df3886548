"""Renders chat templates as transformers does, for PublishedChatTemplatesTest to compare with.

    python render_chat_templates.py DIR

DIR holds *.jinja, such as the folder models/templates of llama.cpp's repository. Writes DIR/expected.json. Needs
transformers and jinja2.
"""
import datetime
import json
import pathlib
import sys

import jinja2
import transformers
from transformers.utils.chat_template_utils import _compile_jinja_template

NOW = datetime.datetime(2025, 1, 2, 3, 4, 5)
SPECIAL = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}


def turns(*texts):
    """The turns of "role: text"."""
    return [dict(zip(("role", "content"), t.split(": ", 1))) for t in texts]


CONVERSATIONS = {
    "question": turns("user: What is 2+2?"),
    "answer": turns("user: What is 2+2?", "assistant: 4"),
    "system": turns("system: You are terse.", "user: Name a colour.", "assistant: Blue."),
    "two_turns": turns("user: Hi", "assistant: Hello!", "user: And now?", "assistant: Still here."),
    "system_three_turns": turns("system: Be kind.", "user: a", "assistant: b", "user: c", "assistant: d", "user: e", "assistant: f"),
    "system_question": turns("system: Be kind.", "user: a", "assistant: b", "user: c"),
    "empty": turns("user: ", "assistant: "),
    "padded": turns("system:  \n s ", "user:   two\n\n lines \n", "assistant: \n\tkept? \n\n"),
    "awkward": turns("user: <s>[INST] {{ x }} {% if %} <|im_end|> \"q\" 'a' \\ & < > \u00e9\u65e5\U0001F469\u200d\U0001F4BB", "assistant: </s><|eot_id|> \u2028 $1 \\n"),
    "thinking": turns("user: Why?", "assistant: <think>\nbecause\n</think>\n\nSo.", "user: Sure?", "assistant: <think>\n\n</think>\n\nYes."),
    "two_users": turns("user: a", "user: b"),
    "starts_with_assistant": turns("assistant: a", "user: b", "assistant: c"),
}


def render(template, messages, add_generation_prompt):
    try:
        text = _compile_jinja_template(template).render(
            messages=messages, tools=None, documents=None, add_generation_prompt=add_generation_prompt,
            strftime_now=lambda f: NOW.strftime(f), **SPECIAL)
        return {"text": text}
    except Exception as e:  # whatever jinja2 says is what is compared
        return {"error": f"{type(e).__name__}: {e}"}


def main():
    folder = pathlib.Path(sys.argv[1])
    rendered = {}
    for f in sorted(folder.glob("*.jinja")):
        template = f.read_text(encoding="utf-8")
        rendered[f.name] = [
            {"conversation": name, "add_generation_prompt": g, **render(template, messages, g)}
            for name, messages in CONVERSATIONS.items() for g in (False, True)]
    json.dump(
        {"transformers": transformers.__version__, "jinja2": jinja2.__version__, "now": NOW.isoformat(),
         "special": SPECIAL, "conversations": CONVERSATIONS, "rendered": rendered},
        open(folder / "expected.json", "w"), indent=1)
    n = sum(len(r) for r in rendered.values())
    errors = sum("error" in c for r in rendered.values() for c in r)
    print(f"{len(rendered)} templates, {n} renderings, {errors} of them refusals")


if __name__ == "__main__":
    main()
