"""From draws to packed rows: every sample is in a row or rejected with its reason."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Protocol

from onestage.identity import content_id
from onestage.pack.rendering import Renderer, Tokens, Untrainable
from onestage.pack.rows import Pack, Sample, pack_rows
from onestage.records import Conversation, Draw, PackedRow, Rejection

_BATCH = 512


class Lookup(Protocol):
    """Finds conversations by id."""

    def __getitem__(self, name: str, /) -> Conversation: ...


class Packing:
    """Packs one list of draws; counts and rejections are complete when `rows` is exhausted."""

    def __init__(self, renderer: Renderer, lookup: Lookup, choices: Pack) -> None:
        self._renderer = renderer
        self._lookup = lookup
        self._choices = choices
        self._counts: Counter[str] = Counter()
        self.rejections: list[Rejection] = []

    def rows(self, draws: Iterable[Draw]) -> Iterator[PackedRow]:
        """Yield packed rows, in curriculum order."""
        samples = self._samples(iter(draws))
        choices = self._choices
        for row in pack_rows(
            samples, seq_len_tokens=choices.seq_len_tokens, open_rows=choices.open_rows
        ):
            self._counts["rows"] += 1
            self._counts["tokens"] += len(row.input_ids)
            self._counts["trained_tokens_of_rows"] += sum(
                end - start for sample in row.samples for start, end in sample.trained
            )
            yield row

    def _samples(self, draws: Iterator[Draw]) -> Iterator[Sample]:
        while batch := list(islice(draws, _BATCH)):
            found = self._renderer.tokenize([self._lookup[draw.id] for draw in batch])
            for draw, tokens in zip(batch, found, strict=True):
                self._counts["samples"] += 1
                fit = self._fitting(tokens)
                if isinstance(fit, Untrainable):
                    self.rejections.append(_rejection(draw, fit))
                    continue
                self._counts["packed"] += 1
                trained = sum(end - start for start, end in fit.trained)
                self._counts["trained_tokens_of_samples"] += trained
                yield Sample(draw, fit.input_ids, fit.trained)

    def _fitting(self, tokens: Tokens | Untrainable) -> Tokens | Untrainable:
        limit = self._choices.seq_len_tokens
        if isinstance(tokens, Tokens) and len(tokens.input_ids) > limit:
            return Untrainable("too_long", f"{len(tokens.input_ids)} tokens, at most {limit}")
        return tokens

    def metrics(self) -> dict[str, Any]:
        """Return the counts, the fill (tokens / capacity of the rows) and rejections."""
        names = ("samples", "packed", "rows", "tokens")
        trained = ("trained_tokens_of_samples", "trained_tokens_of_rows")
        capacity = self._counts["rows"] * self._choices.seq_len_tokens
        reasons = Counter(rejection.reason for rejection in self.rejections)
        return {
            **{name: self._counts[name] for name in (*names, *trained)},
            "fill": self._counts["tokens"] / capacity if capacity else 0.0,
            "rejected": dict(sorted(reasons.items())),
        }


def _rejection(draw: Draw, why: Untrainable) -> Rejection:
    return Rejection(
        id=content_id(draw.id, draw.copy),
        source=draw.source,
        reason=why.reason,
        detail={"conversation": draw.id, "copy": draw.copy, "found": why.detail},
    )
