"""The `compare` section."""

from collections.abc import Iterable
from typing import Annotated

import msgspec

from onestage.errors import ParamError
from onestage.params import Params


class Compare(Params, frozen=True):
    """How models are compared.

    `confidence` is that of all intervals, such as 0.95. `reference` is the key of the model that
    each other one is tested against; empty tests each against each other. `published` names a
    file of figures from the literature, and `published_as` says, by key of a benchmark, under
    which name that file has it.
    """

    confidence: Annotated[float, msgspec.Meta(gt=0, lt=1)]
    reference: str
    published: str
    published_as: dict[str, str]


def require_reference(choices: Compare, models: Iterable[str]) -> None:
    """Raise a ParamError if the reference is none of the models."""
    keys = sorted(models)
    if choices.reference and choices.reference not in keys:
        raise ParamError(
            f"params: compare.reference: {choices.reference} is no key of models; expected "
            f"one of {', '.join(keys)}, or an empty string for all pairs"
        )
