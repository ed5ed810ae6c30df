"""Bring the files that the profile real-sample needs into data/raw/realdata.

FROM is a folder with one folder a corpus, named as in real-sample.sha256 beside this script.
Every file is checked against its hash there before anything is copied; then the English
lexicon is derived (`onestage derive-lexicon`). Run it in the project's root.
"""

import hashlib
import shutil
from pathlib import Path

import click

from onestage.command import OneLineCommand
from onestage.errors import InputError
from onestage.lexicon_recipe import derive_lexicon

_HASHES = Path(__file__).with_name("real-sample.sha256")
_TARGET = Path("data/raw/realdata")
_DESCRIPTIONS = "dict_en_icd10cm/icd10cm_2026_code_desc.tsv"
_GENERAL = ("gen_en_wikitext2_valid/valid.txt", "gen_en_shakespeare/input_first300k.txt")


@click.command(cls=OneLineCommand, help=__doc__)
@click.argument(
    "source", metavar="FROM", type=click.Path(path_type=Path, exists=True, file_okay=False)
)
def main(source: Path) -> None:
    """Check all files, copy them, derive the lexicon."""
    wanted = [line.split(maxsplit=1) for line in _HASHES.read_text(encoding="utf-8").splitlines()]
    for expected, name in wanted:
        _check(source / name, expected)
    for _, name in wanted:
        target = _target(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, target)
    terms = derive_lexicon(
        _lines(_DESCRIPTIONS), [line for name in _GENERAL for line in _lines(name)]
    )
    (_TARGET / "lexicon_en.txt").write_text("\n".join(terms) + "\n", encoding="utf-8")
    click.echo(f"{_TARGET}: {len(wanted)} files, and a lexicon of {len(terms)} English terms")


def _check(path: Path, expected: str) -> None:
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); nothing was copied"
        ) from error
    if found != expected:
        raise InputError(
            f"{path}: sha256 {found[:12]}..., expected {expected[:12]}...; it is another version "
            "of the file, for which the profile's thresholds were not set; nothing was copied"
        )


def _target(name: str) -> Path:
    """Benchmarks get a folder of their own, on which dedupe and evaluate depend."""
    return _TARGET / "benchmarks" / name if name.startswith("bench_") else _TARGET / name


def _lines(name: str) -> list[str]:
    return (_TARGET / name).read_text(encoding="utf-8").splitlines()


if __name__ == "__main__":
    main()
