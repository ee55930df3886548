"""Writes what lies beside this file: two small SentencePiece models, what sentencepiece makes of awkward texts with them (sentencepiece.json),
and what transformers makes of tokenizer folders (folders.json). Needs sentencepiece 0.2, transformers 4.57 and protobuf.
"""
import glob, io, json, os, random, shutil, tempfile
import sentencepiece
from transformers import AutoTokenizer

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "../../../../..")
TINY = json.load(open(f"{ROOT}/docs/tiny/tokenizer.json"))
TINY["model"]["vocab"] = {t: i for i, t in enumerate(TINY["model"]["vocab"])}  # no gaps: 98 ids
json.dump(TINY, open(f"{HERE}/tokenizer.json", "w"), ensure_ascii=True)
random.seed(5)
LINES = [line.strip() for f in sorted(glob.glob(f"{ROOT}/docs/*.md")) for line in open(f) if line.strip()][:600]
LINES += ["naïve café, straße", "東京のテキスト", "ＦＵＬＬ width １２３", "e\u0301 and \u00e9", "½ ﬁne"] * 5
RULES = "\n".join(["FF21\t41", "FF22\t42", "FB01\t66 69", "BD\t31 2F 32", "A0\t20", "3000\t20", "9\t20", "200B\t", "65 301\tE9"]) + "\n"


def train(name, **options):
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as rules:
        rules.write(RULES); rules.flush()
        if options.pop("rules", False): options["normalization_rule_tsv"] = rules.name
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(model_writer=model, sentence_iterator=iter(LINES), hard_vocab_limit=False, num_threads=1, minloglevel=2, **options)
    open(f"{HERE}/{name}.model", "wb").write(model.getvalue())


# as Llama 2's was trained, and as T5's, with rules of our own
train("bpe", model_type="bpe", vocab_size=480, byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False, split_digits=True, allow_whitespace_only_pieces=True)
train("unigram", model_type="unigram", vocab_size=260, user_defined_symbols=["<sep>", "ab"], control_symbols=["<ctl>"], rules=True, character_coverage=0.99)

ALPHABET = list("abcdefghij  \n\t.,!?0123456789'\"<>|▁_-") + list("éüß東京テＡＢ１\u0301ﬁ½\u00a0\u200b\u3000\x00👩") + ["<sep>", "ab", "<s>", "</s>", "<unk>", "<0x41>", "<ctl>", "the ", "ing", "   "]
TEXTS = ["", " ", "   a  b ", "\n", "e\u0301", "a" * 50, "x" + " " * 40 + "y", "\u3000\u00a0", "👩\u200d👩 ok"]
TEXTS += ["".join(random.choice(ALPHABET) for _ in range(random.randint(1, 20))) for _ in range(60)] + [" ".join(random.choice(LINES).split()[:8]) for _ in range(15)]
rows = []
for text in TEXTS:
    row = {"text": text}
    for name in ("bpe", "unigram"):
        sp = sentencepiece.SentencePieceProcessor(model_file=f"{HERE}/{name}.model")
        some = [random.randrange(sp.get_piece_size()) for _ in range(random.randint(0, 8))]
        row[name] = {"ids": sp.encode(text), "decoded": sp.decode(sp.encode(text)), "some": some, "some_decoded": sp.decode(some)}
    rows.append(row)
json.dump(rows, open(f"{HERE}/sentencepiece.json", "w"), indent=0, ensure_ascii=True)


def token(content, **flags): return dict(dict(content=content, single_word=False, lstrip=False, rstrip=False, normalized=False, special=True), **flags)


SOME = ["a", "Hello <s>.", "<s> x", " <x> a", "a<y>b <y> b", "<z> <z>", "a <aa></s> <unk>", "[PAD]x", "A<sep>A", "ab<ctl>the  end"]
folders = []


def folder(name, tokenizer="tiny", config=None, model="llama", **files):
    """Named by what is special in it; files are those beside the tokenizer's."""
    files = {f"{k}.json": v for k, v in files.items()} | ({} if config is None else {"tokenizer_config.json": config}) | {"config.json": {"model_type": model}}
    with tempfile.TemporaryDirectory() as d:
        if tokenizer == "tiny": json.dump(TINY, open(f"{d}/tokenizer.json", "w"))
        elif tokenizer == "prefix": json.dump(TINY | {"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}}, open(f"{d}/tokenizer.json", "w"))
        else: shutil.copy(f"{HERE}/{tokenizer}.model", f"{d}/tokenizer.model")
        for f, content in files.items(): json.dump(content, open(f"{d}/{f}", "w"))
        t = AutoTokenizer.from_pretrained(d)
        rows = [{"text": s, "ids": t.encode(s, add_special_tokens=False), "alone": t.encode(s)} for s in SOME]
        folders.append({"name": name, "tokenizer": tokenizer, "files": files, "special": {k: v for k, v in t.special_tokens_map.items() if isinstance(v, str)}, "rows": rows})


fast = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>"}
llama = {"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
folder("tokens of added_tokens_decoder", config=fast | {"added_tokens_decoder": {"98": token("<x>", lstrip=True), "99": token("<y>", special=False, rstrip=True), "100": token("<z>", special=False, normalized=True, single_word=True)}})
folder("ids that are not free", config=fast | {"added_tokens_decoder": {"999": token("<x>"), "777": token("<y>")}})
folder("a token that is there, with other flags", config=fast | {"added_tokens_decoder": {"2": token("</s>", lstrip=True, rstrip=True, special=False)}})
folder("named tokens that are nowhere", config=fast | {"pad_token": "[PAD]", "additional_special_tokens": ["<aa>"]})
folder("special_tokens_map.json goes first", config=fast | {"bos_token": None}, special_tokens_map={"bos_token": {"content": "<x>", "lstrip": True, "rstrip": False, "single_word": False, "normalized": False}, "eos_token": "<s>", "additional_special_tokens": ["<aa>"]})
folder("special_tokens_map.json is not read", config=fast | {"added_tokens_decoder": {"2": token("</s>")}}, special_tokens_map={"eos_token": "<s>", "additional_special_tokens": ["<aa>"]})
folder("added_tokens.json", config=fast, added_tokens={"<x>": 98, "<y>": 99})
folder("add_bos_token without effect", config=fast | {"add_bos_token": True, "add_eos_token": True})
folder("add_eos_token of a Llama", config=llama | {"add_bos_token": False, "add_eos_token": True, "unk_token": "</s>"})
folder("add_bos_token of a Llama by default", config=llama | {"unk_token": "</s>"})
folder("GPT-NeoX adds nothing by default", config={"tokenizer_class": "GPTNeoXTokenizer", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "</s>"})
folder("Gemma adds BOS", config={"tokenizer_class": "GemmaTokenizerFast", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "</s>", "pad_token": "</s>", "add_eos_token": True})
folder("a class by the model's type", config={"bos_token": "<s>", "eos_token": "</s>", "unk_token": "</s>"})
folder("add_prefix_space is false where it is not given", "prefix", config=fast)
folder("add_prefix_space", "prefix", config=fast | {"add_prefix_space": True})
folder("tokenizer.model", "bpe", config=llama)
folder("tokenizer.model alone", "bpe")
folder("tokenizer.model, not legacy", "bpe", config=llama | {"legacy": False})
folder("tokenizer.model, legacy, tokens as objects", "bpe", config=llama | {"legacy": True, "bos_token": dict(__type="AddedToken", content="<s>", lstrip=False, normalized=True, rstrip=False, single_word=False)})
folder("tokenizer.model without the blank before a text", "bpe", config=llama | {"add_prefix_space": False, "add_bos_token": False, "add_eos_token": True})
folder("tokenizer.model with added_tokens_decoder", "bpe", config=llama | {"legacy": False, "added_tokens_decoder": {"0": token("<unk>"), "1": token("<s>"), "2": token("</s>"), "480": token("<x>"), "481": token("<y>", special=False, normalized=True)}})
folder("a unigram tokenizer.model", "unigram", config=llama)
json.dump(folders, open(f"{HERE}/folders.json", "w"), indent=0, ensure_ascii=True)
