"""The `base` section: the model that training starts from."""

from typing import Literal

from onestage.params import Params


class Base(Params, frozen=True):
    """A Hugging Face folder and how its weights come about.

    `init` is `pretrained` (missing weights are an error) or `random` (weights drawn with
    `seed` from the folder's config.json; weights in the folder are ignored).
    """

    path: str
    init: Literal["pretrained", "random"]
    seed: int
