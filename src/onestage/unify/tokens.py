"""How many tokens a text has, for a model whose tokenizer is not at hand."""

import re

_IDEOGRAPHS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_CHARS_A_TOKEN = 3
# What a chat template adds to one message.
_TEMPLATE_TOKENS = 64


def most_tokens(text: str) -> int:
    """Return a number that no byte-level tokenizer exceeds: one token a byte, and the template's.

    It bounds what a request may cost; usual texts have a third to a fifth of it.
    """
    return len(text.encode()) + _TEMPLATE_TOKENS


def likely_tokens(text: str) -> int:
    """Return about how many tokens a text has, rather too many: one for each ideograph, one for
    three other characters, and the template's.

    >>> likely_tokens("高血压") - likely_tokens("")
    3
    """
    ideographs = len(_IDEOGRAPHS.findall(text))
    return ideographs + -(-(len(text) - ideographs) // _CHARS_A_TOKEN) + _TEMPLATE_TOKENS
