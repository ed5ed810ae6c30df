"""What the environment says of endpoints: where they are, their keys, how much at once."""

import os
from urllib.parse import urlsplit

from onestage.errors import InputError
from onestage.unify.calls import Endpoint

CONCURRENCY = "ONESTAGE_LLM_CONCURRENCY"


def named_endpoints() -> list[Endpoint]:
    """Return the endpoints that the environment names, each with its key or the only one."""
    named = {}
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY"):
        named[name] = [part for part in os.environ.get(name, "").replace(",", " ").split() if part]
        if not named[name]:
            raise InputError(f"{name} is not set; unify.mode openai needs it in the environment")
    urls, keys = named["OPENAI_BASE_URL"], named["OPENAI_API_KEY"]
    for url in urls:
        _require_address(url)
    if len(set(urls)) < len(urls):
        raise InputError("OPENAI_BASE_URL names an address twice; name each once")
    if not all(key.isascii() and key.isprintable() for key in keys):
        raise InputError("OPENAI_API_KEY: expected printable ASCII, found other signs; set it anew")
    if len(keys) not in (1, len(urls)):
        raise InputError(
            f"OPENAI_API_KEY: expected one key or {len(urls)}, one for each address of "
            f"OPENAI_BASE_URL, found {len(keys)}"
        )
    return [Endpoint(*pair) for pair in zip(urls, keys * (len(urls) // len(keys)), strict=True)]


def concurrency() -> int:
    """Return how many requests each endpoint may have at once."""
    asked = os.environ.get(CONCURRENCY, "8")
    if not asked.isdecimal() or int(asked) < 1:
        raise InputError(f"{CONCURRENCY}: expected a whole number from 1, found {asked}")
    return int(asked)


def _require_address(url: str) -> None:
    """Refuse what no request could be sent to, or holds a secret; none of it is repeated."""
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        parts, is_address = urlsplit(""), False
    if parts.username is not None or "@" in url or parts.query or parts.fragment:
        raise InputError(
            "OPENAI_BASE_URL: expected an address without name and password, and nothing behind a "
            "question mark; put the key into OPENAI_API_KEY"
        )
    if not is_address:
        raise InputError(
            "OPENAI_BASE_URL: expected http(s)://HOST[:PORT]/v1, found something else (it may "
            "be a key, and is not shown); mend it"
        )
