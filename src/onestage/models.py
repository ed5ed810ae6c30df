"""The `models` section: what evaluate scores and compare sets side by side."""

from typing import Literal

from onestage.params import Params


class Model(Params, frozen=True):
    """A model folder; `init` and `seed` as in `base`, so that an untrained base can be scored."""

    path: str
    label: str
    init: Literal["pretrained", "random"] = "pretrained"
    seed: int = 0
