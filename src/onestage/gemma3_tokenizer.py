"""Gemma 3's tokenizer out of a GGUF file, as the `tokenizer.json` that transformers reads.

The file lists pieces with scores and kinds, as sentencepiece does: of two neighbouring pieces
those are joined first whose union scores highest. Merges with the rank of the union's score do
the same. Pieces of kind `user defined` (runs of line breaks and blanks, HTML tags) and `control`
are found in a text before it is cut, the longest first.
"""

from tokenizers import AddedToken, Tokenizer, decoders, normalizers, processors
from tokenizers.models import BPE

from onestage.errors import InputError
from onestage.gguf_file import GgufFile

NAMED_TOKENS = {
    "bos_token": "tokenizer.ggml.bos_token_id",
    "eos_token": "tokenizer.ggml.eos_token_id",
    "pad_token": "tokenizer.ggml.padding_token_id",
    "unk_token": "tokenizer.ggml.unknown_token_id",
}
_KIND = "llama"  # GGUF's name for pieces with scores
_NORMAL, _CONTROL, _USER_DEFINED = 1, 3, 4
_SPACE = "▁"


def build_tokenizer(found: GgufFile) -> Tokenizer:
    """Return the tokenizer; it puts `<bos>` before a text unless asked for no special tokens.

    Raises:
        InputError: a tokenizer of another kind, lists of unequal length, a piece twice.
    """
    kind = found.setting("tokenizer.ggml.model", str)
    if kind != _KIND:
        raise InputError(f"{found.file}: tokenizer.ggml.model is {kind}, expected {_KIND}")
    pieces: list[str] = found.setting("tokenizer.ggml.tokens", list)
    scores: list[float] = found.setting("tokenizer.ggml.scores", list)
    kinds: list[int] = found.setting("tokenizer.ggml.token_type", list)
    named = _named(found, pieces)
    if not len(pieces) == len(scores) == len(kinds) == len(set(pieces)):
        raise InputError(
            f"{found.file}: {len(pieces)} tokens ({len(set(pieces))} of them different), "
            f"{len(scores)} scores and {len(kinds)} types; expected as many of each"
        )
    normal = {
        piece: score
        for piece, score, kind in zip(pieces, scores, kinds, strict=True)
        if kind == _NORMAL
    }
    tokenizer = Tokenizer(
        BPE(
            vocab={piece: number for number, piece in enumerate(pieces)},
            merges=_merges(normal),
            unk_token=named["unk_token"],
            fuse_unk=True,
            byte_fallback=True,
        )
    )
    tokenizer.normalizer = normalizers.Replace(" ", _SPACE)
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace(_SPACE, " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    for kind, special in ((_CONTROL, True), (_USER_DEFINED, False)):
        tokenizer.add_tokens(
            [
                AddedToken(piece, normalized=False, special=special)
                for piece, of_kind in zip(pieces, kinds, strict=True)
                if of_kind == kind
            ]
        )
    start = named["bos_token"]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{start} $A",
        pair=f"{start} $A {start}:1 $B:1",
        special_tokens=[(start, pieces.index(start))],
    )
    return tokenizer


def _named(found: GgufFile, pieces: list[str]) -> dict[str, str]:
    named = {}
    for name, key in NAMED_TOKENS.items():
        number = found.setting(key, int)
        if not 0 <= number < len(pieces):
            raise InputError(f"{found.file}: {key} is {number}, but there are {len(pieces)} tokens")
        named[name] = pieces[number]
    return named


def _merges(scores: dict[str, float]) -> list[tuple[str, str]]:
    """Return all pairs of pieces whose union is a piece, the union with the highest score first."""
    ranked = sorted(scores, key=lambda piece: -scores[piece])
    return [
        (piece[:cut], piece[cut:])
        for piece in ranked
        for cut in range(1, len(piece))
        if piece[:cut] in scores and piece[cut:] in scores
    ]
