"""From draws to packed rows: every sample is in a row or rejected with its reason."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Protocol

from onestage.identity import content_id
from onestage.pack.displacement import Displacement
from onestage.pack.rendering import Renderer, Tokens, Untrainable
from onestage.pack.rows import Pack, Sample, pack_rows
from onestage.pack.splitting import halves, own_chars
from onestage.records import Conversation, Draw, PackedRow, Rejection

_BATCH = 512
_SINGLE_TURN = 2
_COUNTS = (
    "samples",
    "split",
    "pieces",
    "truncated",
    "packed",
    "rows",
    "tokens_of_samples",
    "tokens_lost",
    "tokens",
    "trained_tokens_of_samples",
    "trained_tokens_of_rows",
    "chars_of_split",
    "chars_of_pieces",
    "chars_between_pieces",
    "unknown_tokens",
)


class Lookup(Protocol):
    """Finds conversations by id."""

    def __getitem__(self, name: str, /) -> Conversation: ...


class Packing:
    """Packs one list of draws; counts and rejections are complete when `rows` is exhausted.

    Nothing is lost unseen. Of samples: samples - split + pieces = packed + rejected. Of tokens:
    those of the samples, as rendered, = tokens of rows + tokens lost by truncation; trained
    tokens of what was packed = trained tokens of rows. Of what was split, characters = those of
    its pieces + white space between them.
    """

    def __init__(self, renderer: Renderer, lookup: Lookup, choices: Pack) -> None:
        self._renderer = renderer
        self._lookup = lookup
        self._choices = choices
        self._counts: Counter[str] = Counter()
        self._displacement = Displacement(choices.seq_len_tokens)
        self.rejections: list[Rejection] = []

    def rows(self, draws: Iterable[Draw]) -> Iterator[PackedRow]:
        """Yield packed rows, in curriculum order."""
        packed = pack_rows(
            self._samples(iter(draws)),
            seq_len_tokens=self._choices.seq_len_tokens,
            max_displacement_rows=self._choices.max_displacement_rows,
        )
        for row, moved_tokens in packed:
            self._displacement.add(moved_tokens)
            self._counts["rows"] += 1
            self._counts["tokens"] += len(row.input_ids)
            self._counts["trained_tokens_of_rows"] += sum(
                end - start for sample in row.samples for start, end in sample.trained
            )
            yield row

    def _samples(self, draws: Iterator[Draw]) -> Iterator[Sample]:
        while batch := list(islice(draws, _BATCH)):
            conversations = [self._lookup[draw.id] for draw in batch]
            found = self._renderer.tokenize(conversations)
            for draw, conversation, tokens in zip(batch, conversations, found, strict=True):
                self._counts["samples"] += 1
                fitting = self._fitting(conversation, tokens)
                if isinstance(fitting, Untrainable):
                    self.rejections.append(_rejection(draw, fitting))
                    continue
                for part in fitting:
                    self._count(part)
                    yield Sample(draw, part.input_ids, part.trained)

    def _count(self, part: Tokens) -> None:
        self._counts["packed"] += 1
        self._counts["tokens_of_samples"] += len(part.input_ids)
        self._counts["trained_tokens_of_samples"] += sum(b - a for a, b in part.trained)
        self._counts["unknown_tokens"] += part.unknown

    def _fits(self, tokens: Tokens) -> bool:
        return len(tokens.input_ids) <= self._choices.seq_len_tokens

    def _fitting(
        self, conversation: Conversation, tokens: Tokens | Untrainable
    ) -> list[Tokens] | Untrainable:
        """Return what is packed of a sample: itself, its pieces or its beginning."""
        if isinstance(tokens, Untrainable):
            return tokens
        if self._fits(tokens):
            return [tokens]
        if self._choices.too_long == "split":
            return self._split(conversation, tokens)
        if self._choices.too_long == "truncate":
            return self._truncated(conversation, tokens)
        return self._too_long(tokens)

    def _too_long(self, tokens: Tokens) -> Untrainable:
        limit = self._choices.seq_len_tokens
        return Untrainable("too_long", f"{len(tokens.input_ids)} tokens, at most {limit}")

    def _truncated(self, conversation: Conversation, tokens: Tokens) -> list[Tokens] | Untrainable:
        cut = self._renderer.truncate(conversation, self._choices.seq_len_tokens)
        if isinstance(cut, Untrainable):
            return cut
        lost = len(tokens.input_ids) - len(cut.input_ids)
        self._counts["truncated"] += 1
        self._counts["tokens_lost"] += lost
        self._counts["tokens_of_samples"] += lost
        return [cut]

    def _split(self, conversation: Conversation, tokens: Tokens) -> list[Tokens] | Untrainable:
        by_turns = len(conversation.messages) > _SINGLE_TURN
        pieces = self._pieces(conversation, tokens, by_turns=by_turns)
        if isinstance(pieces, Untrainable):
            return pieces
        whole = own_chars(conversation, by_turns=by_turns)
        chars = sum(own_chars(piece, by_turns=by_turns) for piece, _ in pieces)
        self._counts["split"] += 1
        self._counts["pieces"] += len(pieces)
        self._counts["chars_of_split"] += whole
        self._counts["chars_of_pieces"] += chars
        self._counts["chars_between_pieces"] += whole - chars
        return [found for _, found in pieces]

    def _pieces(
        self, conversation: Conversation, tokens: Tokens, *, by_turns: bool
    ) -> list[tuple[Conversation, Tokens]] | Untrainable:
        """Halve a sample until every piece fits, or say why it cannot be."""
        if self._fits(tokens):
            return [(conversation, tokens)]
        parts = halves(conversation, by_turns=by_turns)
        if not parts:
            return self._too_long(tokens)
        pieces: list[tuple[Conversation, Tokens]] = []
        for part, found in zip(parts, self._renderer.tokenize(parts), strict=True):
            if isinstance(found, Untrainable):
                return found
            within = self._pieces(part, found, by_turns=by_turns)
            if isinstance(within, Untrainable):
                return within
            pieces += within
        return pieces

    def metrics(self) -> dict[str, Any]:
        """Return counts, fill (tokens / capacity of the rows), displacement and rejections."""
        capacity = self._counts["rows"] * self._choices.seq_len_tokens
        reasons = Counter(rejection.reason for rejection in self.rejections)
        return {
            **{name: self._counts[name] for name in _COUNTS},
            "fill": self._counts["tokens"] / capacity if capacity else 0.0,
            "displacement_rows": self._displacement.metrics(),
            "rejected": dict(sorted(reasons.items())),
        }

    def displacements(self) -> list[dict[str, int]]:
        """Return how many samples moved by how many rows."""
        return self._displacement.histogram()


def _rejection(draw: Draw, why: Untrainable) -> Rejection:
    return Rejection(
        id=content_id(draw.id, draw.copy),
        source=draw.source,
        reason=why.reason,
        detail={"conversation": draw.id, "copy": draw.copy, "found": why.detail},
    )
