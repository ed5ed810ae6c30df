"""Times the whole stage pack with one and two threads, beside the tokenizer alone.

    python benchmarks/pack_stage.py TEXTS SCRATCH [--samples 20000]

TEXTS is a folder of plain text files in UTF-8 or GB 18030, searched through; samples are cut out
of them at random, log-normal with a middle of 735 characters. A byte-level tokenizer of 32,000
tokens is trained on the same texts, for speed depends on the vocabulary. Each run is the stage's
own command, start-up and reading included; `tokenizer alone` is encode_batch on the rendered
texts with as many threads, in the same call. Tokens a second of the clock and of processor time,
which tells more where other work shares the cores. The bytes of all runs are compared.
"""

import hashlib
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import click
from ruamel.yaml import YAML
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from onestage import jsonl
from onestage.identity import content_id
from onestage.records import Conversation, Draw, Message

_ROOT = Path(__file__).resolve().parent.parent
_TOY_BASE = _ROOT / "data" / "toy" / "base"
_BATCH = 512
# Much as Qwen's tokenizers split.
_WORDS = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


class Timed(NamedTuple):
    """Seconds of the clock and of all processors."""

    wall: float
    cpu: float


@click.command()
@click.argument("texts", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("scratch", type=click.Path(path_type=Path))
@click.option("--samples", default=20_000, show_default=True)
def main(texts: Path, scratch: Path, samples: int) -> None:
    """Print a line for each number of threads."""
    scratch.mkdir(parents=True, exist_ok=True)
    _write_inputs(_read(texts), scratch, samples)
    digests = set()
    for threads in (1, 2):
        stage = _timed(["-m", "stages.pack", *_options(scratch)], threads)
        rows = scratch / "out" / "rows-00000.jsonl"
        digests.add(hashlib.sha256(rows.read_bytes()).hexdigest())
        counts = json.loads((scratch / "m.json").read_text(encoding="utf-8"))["rows"]
        alone = _timed([__file__, str(scratch), "alone"], threads)
        tokens = counts["tokens"]
        for name, timed in (("stage", stage), ("tokenizer alone", alone)):
            print(
                f"{threads} threads  {name:<16}{tokens / timed.wall:>10.0f} tokens/s"
                f"{tokens / timed.cpu:>10.0f} tokens a processor second"
            )
        print(
            f"           {tokens} tokens, fill {counts['fill']:.4f}, load {os.getloadavg()[0]:.1f}"
        )
    print("same bytes" if len(digests) == 1 else "DIFFERENT BYTES")


def _read(folder: Path) -> list[str]:
    found = []
    for path in sorted(folder.rglob("*.txt")):
        content = path.read_bytes()
        for encoding in ("utf-8", "gb18030"):
            try:
                found.append(content.decode(encoding))
                break
            except UnicodeDecodeError:
                continue
    return [text for text in found if text.strip()]


def _write_inputs(texts: list[str], scratch: Path, samples: int) -> None:
    chance = random.Random(1)  # noqa: S311
    drawn = [_conversation(chance, texts, number) for number in range(samples)]
    (scratch / "dedupe").mkdir(exist_ok=True)
    (scratch / "sample").mkdir(exist_ok=True)
    with jsonl.PartWriter(scratch / "dedupe") as writer:
        for conversation in drawn:
            writer.write(conversation)
    chance.shuffle(drawn)  # so that records are read from all over the files
    with jsonl.PartWriter(scratch / "sample") as writer:
        for order, conversation in enumerate(drawn):
            writer.write(Draw(order, conversation.id, 0, "web", 0))
    with jsonl.PartWriter(scratch / "sample", "heldout"):
        pass
    shutil.copytree(_TOY_BASE, scratch / "base", dirs_exist_ok=True)
    _trained(texts).save(str(scratch / "base" / "tokenizer.json"))
    document = YAML(typ="safe", pure=True).load(
        (_ROOT / "profiles" / "toy.yaml").read_text("utf-8")
    )
    document["base"]["path"] = str(scratch / "base")
    document["pack"] |= {
        "chat_template": str(_TOY_BASE / "chat_template.jinja"),
        "seq_len_tokens": 4096,
        "max_displacement_rows": 8,
    }
    (scratch / "params.yaml").write_text(json.dumps(document), encoding="utf-8")


def _conversation(chance: random.Random, texts: list[str], number: int) -> Conversation:
    text = chance.choice(texts)
    start = chance.randrange(max(1, len(text) - 1000))
    output = text[start : start + int(chance.lognormvariate(6.6, 0.7))].strip() or "x"
    messages = [Message("user", f"第{number}个问题是什么？"), Message("assistant", output)]
    name = content_id("web", number)
    return Conversation(name, "web", "web", "zh", messages, "", output, name, "a", 1, "template")


def _trained(texts: list[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    words = pre_tokenizers.Split(Regex(_WORDS), "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([words, byte_level])
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=32_000, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    return tokenizer


def _options(scratch: Path) -> list[str]:
    named = {"sample": "sample", "conversations": "dedupe", "out": "out", "rejected": "rejected"}
    named |= {"metrics": "m.json", "plot": "p.csv", "params": "params.yaml"}
    return [part for name, file in named.items() for part in (f"--{name}", str(scratch / file))]


def _timed(arguments: list[str], threads: int) -> Timed:
    python_path = os.pathsep.join([str(_ROOT), str(_ROOT / "src")])
    environment = {"RAYON_NUM_THREADS": str(threads), "TQDM_DISABLE": "1"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, *arguments],
        check=True,
        cwd=_ROOT,
        env={**os.environ, "PYTHONPATH": python_path, **environment},
        preexec_fn=(lambda: os.sched_setaffinity(0, range(threads))),
    )
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Timed(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def _tokenize_alone(scratch: Path) -> None:
    tokenizer = Tokenizer.from_file(str(scratch / "base" / "tokenizer.json"))
    texts = [
        "".join(f"<|im_start|>{turn.role}\n{turn.content}<|im_end|>\n" for turn in record.messages)
        for record in jsonl.read_records(jsonl.part_files(scratch / "dedupe"), Conversation)
    ]
    for start in range(0, len(texts), _BATCH):
        tokenizer.encode_batch(texts[start : start + _BATCH], add_special_tokens=False)


if __name__ == "__main__":
    if sys.argv[2:] == ["alone"]:
        _tokenize_alone(Path(sys.argv[1]))
    else:
        main()
