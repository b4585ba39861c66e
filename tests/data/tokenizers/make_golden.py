#!/usr/bin/env python3
"""Makes the golden token ids beside this file, by libraries that share no code with ours.

    python3 -m venv v && v/bin/pip install tokenizers==0.23.3 ftfy==6.3.1 regex==2026.11.15
    v/bin/python tests/data/tokenizers/make_golden.py .deps/test-data/clip-merges.txt

golden_clip.json: {text, ids, open_clip} for the full vocabulary of CLIP. `ids` are those of Hugging Face's CLIPTokenizer
(its pipeline, put together here from the Python package `tokenizers`), at most 77. `open_clip` is what OpenAI's own
tokenizer gives (simple_tokenizer.py, https://github.com/openai/CLIP, also in open_clip), where it is another: it repairs mojibake (ftfy) and
unescapes HTML first, and knows special tokens under other names.
small_{clip,wordpiece,unigram}: a vocabulary learnt here from a few sentences, as its files, and ids with it."""

import html
import json
import pathlib
import random
import sys

import ftfy
import regex
import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

HERE = pathlib.Path(__file__).parent
LENGTH = 77
START, END = "<|startoftext|>", "<|endoftext|>"


def byte_characters():
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in printable]
    return dict(zip(printable + others, map(chr, printable + [256 + i for i in range(len(others))])))


class OpenAI:
    """simple_tokenizer.py, word for word where it matters."""

    def __init__(self, merges):
        self.bytes = byte_characters()
        entries = list(self.bytes.values())
        entries += [entry + "</w>" for entry in entries] + ["".join(merge) for merge in merges]
        entries += ["<start_of_text>", "<end_of_text>"]
        self.ids = {entry: i for i, entry in enumerate(entries)}
        self.ranks = {merge: i for i, merge in enumerate(merges)}
        self.pieces = regex.compile(
            r"<start_of_text>|<end_of_text>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+", regex.IGNORECASE
        )

    def merge(self, word):
        if word in ("<start_of_text>", "<end_of_text>"):
            return [word]
        parts = [*word[:-1], word[-1] + "</w>"]
        while len(parts) > 1:
            pair = min(zip(parts, parts[1:]), key=lambda pair: self.ranks.get(pair, float("inf")))
            if pair not in self.ranks:
                break
            merged, i = [], 0
            while i < len(parts):
                if tuple(parts[i : i + 2]) == pair:
                    merged.append("".join(pair))
                    i += 2
                else:
                    merged.append(parts[i])
                    i += 1
            parts = merged
        return parts

    def encode(self, text):
        text = html.unescape(html.unescape(ftfy.fix_text(text))).strip()
        text = " ".join(text.split()).strip().lower()
        ids = [self.ids["<start_of_text>"]]
        for piece in self.pieces.findall(text):
            ids += [self.ids[part] for part in self.merge("".join(self.bytes[byte] for byte in piece.encode()))]
        ids.append(self.ids["<end_of_text>"])
        return ids if len(ids) <= LENGTH else [*ids[: LENGTH - 1], ids[-1]]


def hugging_face(vocabulary, merges, length=LENGTH):
    """transformers/models/clip/tokenization_clip.py"""
    tokenizer = Tokenizer(
        models.BPE(vocab=vocabulary, merges=merges, unk_token=END, continuing_subword_prefix="",
                   end_of_word_suffix="</w>", fuse_unk=False)
    )  # fmt: skip
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    pieces = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(pieces), "removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in (START, END)])
    tokenizer.post_processor = processors.RobertaProcessing(
        (END, vocabulary[END]), (START, vocabulary[START]), trim_offsets=False, add_prefix_space=False
    )
    tokenizer.enable_truncation(length)
    return tokenizer


def count_ids(merges):
    entries = list(byte_characters().values())
    entries += [entry + "</w>" for entry in entries] + ["".join(merge) for merge in merges] + [START, END]
    return {entry: i for i, entry in enumerate(entries)}


def texts():
    """At least 200 of every kind that a person or a program may ask with."""
    things = "dog cat bicycle umbrella lighthouse espresso machine skyscraper paella didgeridoo rhinoceros sunset".split()
    yield from (f"a photo of a {thing}" for thing in things)
    yield from (f"A {a} {b}, in the style of {c}." for a, b, c in zip(things, things[3:], things[5:]))
    # Nothing, and hardly anything.
    yield from ("", " ", "\n\t ", ".", "a", "A", "'", "''", "!", "?!", "-", "--", "\u00a0", "\u3000", "\u2028", "0", "é")
    # Apostrophes and capitals, spaces, digits, punctuation.
    yield from ("it's", "IT'S", "we're they've I'm you'll he'd don't", "'s 't 're", "rock'n'roll", "l’été d'un chien",
                "two  spaces", "tab\there", "line\nbreak\r\nand more", "  both ends  ", "no\u00a0break\u2003em\u200azero",
                "1234567890", "3.14159", "1,000,000", "50% off!!!", "4x4", "B2B", "ipv6 ::1", "#hashtag @user",
                "a/b\\c|d", "{json: [1, 2]}", "x = y ** 2;", "C++ C# .NET", "user@example.org", "https://example.org/a?b=c&d",
                "…", "—", "«quoted»", "„Gänsefüßchen“", "(╯°□°)╯︵ ┻━┻", ":-) ;-) <3", "~`^_", "100€ £5 ¥7 ₿1")  # fmt: skip
    # Accents, composed and not; capitals that lower in a way of their own.
    yield from ("café", "cafe\u0301", "naïve façade", "Ångström", "A\u030angstro\u0308m", "ÉCOLE", "ß ẞ STRASSE straße",
                "ΟΔΥΣΣΕΥΣ Σ σς", "ǅ ǆ Ǆ", "Ⅷ ⅷ", "ﬁ ﬂ ﬃ", "Ａｂｃ １２３", "ªº", "½ ¼ ²³", "ṩ s\u0323\u0307 s\u0307\u0323",
                "Đorđe Łódź Ørsted þórr", "İstanbul", "I ı i İ", "Việt Nam", "Français à l'œuvre", "ĳ Ĳ", "ŉ")  # fmt: skip
    # Scripts.
    yield from ("日本語の写真", "東京タワー", "一張狗的照片", "红色的自行车", "강아지 사진", "ㅎㅎㅎ", "\u1112\u1161\u11ab\u1100\u116e\u11a8",
                "фотография собаки", "Щука", "صورة كلب", "تصویر سگ", "תמונה של כלב", "कुत्ते की तस्वीर", "কুকুরের ছবি",
                "รูปถ่ายของสุนัข", "ሰላም", "ձիու լուսանկար", "ძაღლის ფოტო", "நாய்", "ພາບ", "ᚠᚢᚦ", "𐐀𐐁𐐂", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝟘𝟙",
                "٠١٢٣", "१२३", "一二三", "⼀⼁", "ＦＵＬＬ　ＷＩＤＴＨ", "ｶﾞ ガ カ\u3099", "mixed 日本 and русский і العربية")  # fmt: skip
    # Emoji, joined, coloured, flags.
    yield from ("😀", "😀😃😄", "👍🏽", "👩‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪🇫🇷", "❤️", "❤", "a 🐶 photo", "🐶dog", "1️⃣", "☃☂★", "™®©")  # fmt: skip
    # Control and invisible characters, private use, noncharacters, combining marks without a base.
    yield from ("\x00", "a\x00b", "\x01\x02\x7f", "\x1b[31mred\x1b[0m", "\u0085", "\u200b", "zero\u200bwidth", "join\u200dor",
                "\ufeffbom", "soft\u00adhyphen", "\u202eright to left", "\ufffd", "\ue000", "\uffff", "\U0010ffff", "\u0301",
                "\u0301\u0302\u0303", "e" + "\u0301" * 20, "\u180e", "\u2060", "\x1c\x1d\x1e\x1f", "a\x0bb\x0cc")  # fmt: skip
    # What looks like special tokens, entities or a decoding gone wrong.
    yield from (START, END, f"a {END} b", f"{START}{START}x", "<|STARTOFTEXT|>", "<|endoftext", "<start_of_text>", "</w>",
                "dog</w>", "&amp; &lt;b&gt;", "&amp;amp;", "&#233;", "cafÃ©", "donâ€™t", "“curly” ‘quotes’", "Ġ Ċ Ł")  # fmt: skip
    # Around the limit, and far over it.
    yield from ("dog " * n for n in (74, 75, 76, 77, 200))
    yield from ("a" * n for n in (50, 300, 5000))
    yield from ("!" * n for n in (75, 76, 400))
    yield from ("supercalifragilisticexpialidocious " * 30, "日本" * 100, "😀" * 80, "1" * 90, " " * 500 + "x", "é" * 100)
    # Letters of all kinds at random, the same in every run.
    draw = random.Random(20)
    ranges = [(0x20, 0x7E), (0xA0, 0x24F), (0x370, 0x5FF), (0x900, 0xDFF), (0x1E00, 0x2BFF), (0x3000, 0x9FFF), (0x1F300, 0x1FAFF)]
    for _ in range(60):
        first, last = draw.choice(ranges)
        words = ("".join(chr(draw.randint(first, last)) for _ in range(draw.randint(1, 6))) for _ in range(draw.randint(1, 5)))
        yield " ".join(words)


SENTENCES = """a photo of a dog on the beach. a photo of two dogs and a cat. the cat sat on the mat near the red house.
a small red bicycle leans on a white wall. people with umbrellas walk in the rain. the house near the beach is white.
un perro en la playa. ein Hund am Strand. собака на пляже. 犬の写真 猫の写真 a bowl of soup with noodles. it's raining, don't go.""".split("\n")


def write(name, value):
    (HERE / name).write_text(json.dumps(value, ensure_ascii=False, indent=0).replace("\n", "\n") + "\n")


def small_clip():
    learnt = Tokenizer(models.BPE(unk_token=END, end_of_word_suffix="</w>"))
    learnt.normalizer = normalizers.Lowercase()
    learnt.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.ByteLevel(False, use_regex=False)])
    learnt.train_from_iterator(SENTENCES, trainers.BpeTrainer(vocab_size=400, end_of_word_suffix="</w>", show_progress=False))
    merges = [tuple(merge) for merge in json.loads(learnt.to_str())["model"]["merges"]]
    (HERE / "small_merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    # In an order of its own, so that ids that were counted instead of read are seen.
    entries = sorted(count_ids(merges))
    vocabulary = {entry: i for i, entry in enumerate(entries)}
    (HERE / "small_vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False) + "\n")
    counted, read = hugging_face(count_ids(merges), merges, 24), hugging_face(vocabulary, merges, 24)
    return [{"text": text, "counted": counted.encode(text).ids, "read": read.encode(text).ids} for text in SMALL_TEXTS]


def small_file(name, tokenizer, trainer, length):
    tokenizer.train_from_iterator(SENTENCES, trainer)
    for template in ({"wordpiece": "[CLS] $A [SEP]", "unigram": "$A </s>"}[name],):
        ids = [(token, tokenizer.token_to_id(token)) for token in template.split() if token != "$A"]
        tokenizer.post_processor = processors.TemplateProcessing(single=template, special_tokens=ids)
    (HERE / f"small_{name}.json").write_text(tokenizer.to_str() + "\n")
    tokenizer.enable_truncation(length)
    return [{"text": text, "ids": tokenizer.encode(text).ids} for text in SMALL_TEXTS]


SMALL_TEXTS = ["", "a photo of a dog", "Two DOGS, and a cat!", "it's raining", "犬の写真", "собака", "Ein Hund  am Strand", "😀", "xyzzy 42",
               "Élan e\u0301lan", f"x {END} y", "[MASK] </s>", "the red house " * 20]  # fmt: skip


def main(merges_file):
    lines = pathlib.Path(merges_file).read_text().split("\n")
    merges = [tuple(line.split()) for line in lines[1 : 49152 - 256 - 2 + 1]]
    reference, other = hugging_face(count_ids(merges), merges), OpenAI(merges)
    golden = []
    for text in dict.fromkeys(texts()):
        entry = {"text": text, "ids": reference.encode(text).ids}
        if (ids := other.encode(text)) != entry["ids"]:
            entry["open_clip"] = ids
        golden.append(entry)
    differing = [entry["text"] for entry in golden if "open_clip" in entry]
    print(f"tokenizers {tokenizers.__version__}: {len(golden)} texts, OpenAI's tokenizer has other ids for {len(differing)}:")
    print(*map(repr, differing), sep="\n")
    lines = (json.dumps(entry, ensure_ascii=True, separators=(",", ":")) for entry in golden)
    (HERE / "golden_clip.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")

    wordpiece = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    wordpiece.normalizer = normalizers.BertNormalizer(lowercase=True)
    wordpiece.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    unigram = Tokenizer(models.Unigram())
    unigram.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    unigram.pre_tokenizer = pre_tokenizers.Metaspace()
    small = {
        "clip": small_clip(),
        "wordpiece": small_file(
            "wordpiece", wordpiece, trainers.WordPieceTrainer(vocab_size=160, special_tokens=special, show_progress=False), 16
        ),
        "unigram": small_file(
            "unigram", unigram,
            trainers.UnigramTrainer(vocab_size=120, unk_token="<unk>", special_tokens=["<pad>", "</s>", "<unk>"], show_progress=False), 16
        ),
    }  # fmt: skip
    lines = (f"{json.dumps(name)}:[\n" + ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in entries) + "\n]" for name, entries in small.items())
    (HERE / "golden_small.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


main(sys.argv[1])
