"""The whole parameter file checked at once, so that a slip in `train` shows before a paid unify."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from onestage import params
from onestage.base import Base
from onestage.base_folder import (
    pickled_files,
    read_config,
    require_positions,
    require_trainable_type,
    require_vocabulary,
    weight_files,
)
from onestage.benchmarks import Benchmark, read_all
from onestage.collect.classifier import load_classifier
from onestage.collect.selection import Collect
from onestage.comparison.published import read_published, require_published_names
from onestage.comparison.settings import Compare, require_reference
from onestage.dedupe.embeddings import require_embedder
from onestage.dedupe.settings import Dedupe, require_ranking
from onestage.errors import OnestageError
from onestage.evaluate.asking import Evaluate
from onestage.models import Model
from onestage.pack.rendering import load_renderer, load_tokenizer
from onestage.pack.rows import Pack
from onestage.sample.settings import Sample
from onestage.sources import Source
from onestage.train.settings import Train
from onestage.unify.prompts import load_prompts
from onestage.unify.settings import Unify

_SECTIONS: dict[str, type] = {
    "collect": Collect,
    "unify": Unify,
    "dedupe": Dedupe,
    "sample": Sample,
    "pack": Pack,
    "base": Base,
    "train": Train,
    "evaluate": Evaluate,
    "compare": Compare,
    "benchmarks_dir": str,
}
_MAPPINGS: dict[str, type] = {"sources": Source, "benchmarks": Benchmark, "models": Model}
# The model that train writes is not there before the first run.
_TRAINED = "data/model"


def faults(params_file: Path) -> list[str]:
    """Return one line for each thing that is wrong with the parameter file or a path in it."""
    try:
        document = params.load_document(params_file)
    except OnestageError as error:
        return [str(error)]
    found: list[str] = []

    def attempt(read: Callable[[], Any]) -> Any:
        try:
            return read()
        except OnestageError as error:
            found.append(str(error))
            return None

    sections = {
        name: attempt(partial(params.section, document, name, kind))
        for name, kind in _SECTIONS.items()
    }
    mappings = {
        name: attempt(partial(params.mapping, document, name, kind))
        for name, kind in _MAPPINGS.items()
    }
    known = {*_SECTIONS, *_MAPPINGS}
    found += [f"params: {name} is no section; remove it" for name in document if name not in known]
    if found:
        return found
    for read in _files_of_mode(sections, mappings["sources"]):
        attempt(read)
    attempt(partial(_require_base, sections["base"], sections["pack"]))
    attempt(partial(_require_template, sections["base"], sections["pack"]))
    attempt(lambda: require_ranking(sections["dedupe"].ranking, mappings["sources"]))
    attempt(lambda: require_reference(sections["compare"], mappings["models"]))
    attempt(lambda: _require_published(sections["compare"], mappings["benchmarks"]))
    attempt(lambda: read_all(mappings["benchmarks"], Path(sections["benchmarks_dir"])))
    found += _unnamed_sources(mappings["sources"], sections["sample"], sections["unify"])
    return [*found, *_paths(sections, mappings["sources"], mappings["models"])]


def _files_of_mode(
    sections: Mapping[str, Any], sources: Mapping[str, Source]
) -> Iterator[Callable[[], Any]]:
    """Yield what reads the files that only some modes need."""
    if sections["collect"].filter != "lexicon":
        for source in sources.values():
            if source.kind != "sft" and Path(source.classifier).exists():
                yield partial(load_classifier, Path(source.classifier))
    if sections["dedupe"].semantic.threshold:
        yield partial(require_embedder, Path(sections["dedupe"].semantic.model))
    if sections["unify"].mode == "openai":
        yield partial(load_prompts, Path(sections["unify"].prompts))


def _require_base(base: Base, pack: Pack) -> None:
    """Look at a base that is there; files that are missing are told with all other paths."""
    folder = Path(base.path)
    if not (folder / "config.json").is_file():
        return
    config = read_config(folder)
    require_trainable_type(folder, config)
    require_positions(folder, config, pack.seq_len_tokens)
    if (folder / "tokenizer.json").is_file():
        tokenizer = load_tokenizer(folder / "tokenizer.json")
        require_vocabulary(folder, config, tokenizer.get_vocab_size(with_added_tokens=False))
    if base.init == "pretrained" and _has_weights(folder):
        weight_files(folder)


def _require_published(compare: Compare, benchmarks: Iterable[str]) -> None:
    require_published_names(compare, read_published(Path(compare.published)), benchmarks)


def _has_weights(folder: Path) -> bool:
    return any(folder.glob("*.safetensors*")) or bool(pickled_files(folder))


def _require_template(base: Base, pack: Pack) -> None:
    """Try the chat template; files that are missing are told with all other paths."""
    files = (f"{base.path}/tokenizer.json", f"{base.path}/tokenizer_config.json")
    if all(Path(file).is_file() for file in (*files, pack.chat_template)):
        load_renderer(Path(base.path), Path(pack.chat_template))


def _unnamed_sources(sources: Iterable[str], sample: Sample, unify: Unify) -> list[str]:
    keys = list(sources)
    given: dict[str, Mapping[str, float]] = {
        "sample.priority": sample.priority,
        "sample.epochs": sample.epochs,
        "sample.cap": sample.cap,
        "sample.minimum": sample.minimum,
        "sample.heldout_share": sample.heldout_share,
        "unify.budget_tokens": unify.budget_tokens,
        "unify.budget_money": unify.budget_money,
    }
    missing = [
        f"params: {name}.{key} is missing; every source needs one"
        for name in ("sample.priority", "sample.epochs")
        for key in keys
        if key not in given[name]
    ]
    stray = [
        f"params: {name}.{key}: no source has this key; remove it"
        for name, figures in given.items()
        for key in figures
        if key not in keys
    ]
    return missing + stray


def _paths(
    sections: Mapping[str, Any], sources: dict[str, Source], models: dict[str, Model]
) -> list[str]:
    base: Base = sections["base"]
    named = [
        ("pack.chat_template", sections["pack"].chat_template),
        ("dedupe.semantic.model", sections["dedupe"].semantic.model),
    ]
    named += [(f"base.path: {name}", f"{base.path}/{name}") for name in _BASE_FILES]
    for key, source in sources.items():
        files = {"path": source.path, "lexicon": source.lexicon, "classifier": source.classifier}
        named += [(f"sources.{key}.{name}", path) for name, path in files.items()]
    named += [
        (f"models.{key}.path", model.path)
        for key, model in models.items()
        if model.path != _TRAINED
    ]
    found = [
        f"params: {name}: {path} does not exist; mend the path or bring the file in"
        for name, path in named
        if not Path(path).exists()
    ]
    if base.init == "pretrained" and not _has_weights(Path(base.path)):
        found.append(
            f"params: base.init is pretrained but {base.path} holds no *.safetensors; fetch the "
            "weights, or set base.init: random"
        )
    return found


_BASE_FILES = ("config.json", "tokenizer.json", "tokenizer_config.json")
