"""Ids and keyed hashes: what a record is called depends on its content, never on its place.

A document is hash(source, text, how many equal ones came before in the source), a passage
hash(document, span), a conversation hash(parent, form). Adding a record changes no other id.
"""

import hashlib

_SEPARATOR = b"\x1f"  # the ASCII unit separator: it cannot occur in normalised text
_ID_BYTES = 12


def content_id(*parts: str | int) -> str:
    """Return 24 hexadecimal digits (96 bits) of BLAKE2b over the parts.

    At 10⁹ records the chance of any collision is below 10⁻¹⁰.
    """
    joined = _SEPARATOR.join(str(part).encode() for part in parts)
    return hashlib.blake2b(joined, digest_size=_ID_BYTES).hexdigest()


def keyed_fraction(*parts: str | int) -> float:
    """Return a number in (0, 1), uniform over the 2⁵³ midpoints, fixed by the parts alone."""
    joined = _SEPARATOR.join(str(part).encode() for part in parts)
    number = int.from_bytes(hashlib.blake2b(joined, digest_size=8).digest(), "big") >> 11
    return (number + 0.5) / 2**53


def hash64(text: str) -> int:
    """Return 64 bits of BLAKE2b, for arrays; never an id."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def document_id(source: str, text_digest: str, ordinal: int) -> str:
    """Return the id of a document: `text_digest` is the `content_id` of its text.

    `ordinal` says how many documents with this text came before it in the source.
    """
    return content_id(source, text_digest, ordinal)
