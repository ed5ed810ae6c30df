"""What the environment says of endpoints is checked before anything is sent."""

import pytest

from onestage.errors import InputError
from onestage.unify.calls import Endpoint
from onestage.unify.environment import concurrency, named_endpoints

_URL = "http://127.0.0.1:8000/v1"


def _named(monkeypatch: pytest.MonkeyPatch, urls: str, keys: str) -> list[Endpoint]:
    monkeypatch.setenv("OPENAI_BASE_URL", urls)
    monkeypatch.setenv("OPENAI_API_KEY", keys)
    return named_endpoints()


@pytest.mark.parametrize(
    ("urls", "keys", "expected"),
    [
        (_URL, "k", [(_URL, "k")]),
        ("http://a/v1,https://b:1/v1", "k", [("http://a/v1", "k"), ("https://b:1/v1", "k")]),
        (" http://a/v1  http://b/v1 ", "k, l", [("http://a/v1", "k"), ("http://b/v1", "l")]),
        ("http://[::1]:8000/v1", "k", [("http://[::1]:8000/v1", "k")]),
    ],
)
def test_each_endpoint_has_its_key(
    monkeypatch: pytest.MonkeyPatch, urls: str, keys: str, expected: list[tuple[str, str]]
) -> None:
    assert _named(monkeypatch, urls, keys) == expected


@pytest.mark.parametrize(
    ("urls", "keys", "told"),
    [
        ("", "k", "OPENAI_BASE_URL is not set"),
        (_URL, " ", "OPENAI_API_KEY is not set"),
        ("127.0.0.1:8000/v1", "k", r"expected http\(s\)://HOST"),
        ("ftp://a/v1", "k", r"expected http\(s\)://HOST"),
        ("http://host:notaport/v1", "k", r"expected http\(s\)://HOST"),
        ("http:///v1", "k", r"expected http\(s\)://HOST"),
        ("sk-hidden", "k", r"expected http\(s\)://HOST"),
        ("http://me:hidden@host/v1", "k", "without name and password"),
        ("http://host/v1?api-key=hidden", "k", "nothing behind a question mark"),
        ("http://host/v1#hidden", "k", "nothing behind a question mark"),
        ("http://a/v1 http://a/v1", "k l", "twice"),
        ("http://a/v1 http://b/v1", "k l m", "expected one key or 2"),
        (_URL, "秘钥", "printable ASCII"),
    ],
)
def test_what_cannot_work_is_refused(
    monkeypatch: pytest.MonkeyPatch, urls: str, keys: str, told: str
) -> None:
    with pytest.raises(InputError, match=told) as caught:
        _named(monkeypatch, urls, keys)
    assert "hidden" not in str(caught.value)
    assert "秘钥" not in str(caught.value)


@pytest.mark.parametrize("asked", ["0", "-1", "many", "1.5"])
def test_concurrency_is_a_number_from_1(monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    monkeypatch.setenv("ONESTAGE_LLM_CONCURRENCY", asked)
    with pytest.raises(InputError, match="ONESTAGE_LLM_CONCURRENCY: expected a whole number"):
        concurrency()
