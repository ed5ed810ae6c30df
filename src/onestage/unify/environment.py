"""What the environment says of endpoints: where they are, their keys, how much at once."""

import os

from onestage.errors import InputError
from onestage.unify.endpoints import Endpoint

CONCURRENCY = "ONESTAGE_LLM_CONCURRENCY"


def named_endpoints() -> list[Endpoint]:
    """Return the endpoints that the environment names, each with its key or the only one."""
    named = {}
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY"):
        named[name] = [part for part in os.environ.get(name, "").replace(",", " ").split() if part]
        if not named[name]:
            raise InputError(f"{name} is not set; unify.mode openai needs it in the environment")
    urls, keys = named["OPENAI_BASE_URL"], named["OPENAI_API_KEY"]
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
