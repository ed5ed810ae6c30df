"""Choices of the train section that do not go together."""

from typing import Any

import pytest
from given import parameters

from onestage.errors import ParamError
from onestage.params import section
from onestage.train.settings import Train

_LORA = {"alpha": 16, "dropout": 0.0, "targets": []}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rows_per_step": 6, "rows_per_device": 4}, r"rows_per_step \(6\) must be a multiple"),
        ({"save_every_steps": 30, "log_every_steps": 20}, r"save_every_steps \(30\) must be a mu"),
        ({"save_every_steps": 0, "average_last": 2}, r"average_last \(2\) needs states"),
        ({"average_last": 2, "deepspeed": {"zero_optimization": {"stage": 3}}}, "ZeRO stage 3"),
        (
            {"lora": {**_LORA, "rank": 4}, "average_last": 2, "save_every_steps": 20},
            r"average_last \(2\) does not work with lora \(rank 4\)",
        ),
        (
            {"lora": {**_LORA, "rank": 4}, "deepspeed": {"zero_optimization": {"stage": 3}}},
            r"lora \(rank 4\) does not work with ZeRO stage 3",
        ),
        (
            {"schedule": "warmup_stable_decay", "warmup_share": 0.5, "decay_share": 0.6},
            "more than 1 together",
        ),
        ({"phases": "skip"}, r"train\.phases"),
        ({"schedule": "constant"}, r"train\.schedule"),
    ],
)
def test_choices_that_contradict_one_another(changes: dict[str, Any], said: str) -> None:
    document = parameters()
    document["train"] |= changes
    with pytest.raises(ParamError, match=said):
        section(document, "train", Train)


def test_shares_are_of_their_schedule_only() -> None:
    document = parameters()
    document["train"] |= {"schedule": "cosine", "warmup_share": 0.5, "decay_share": 0.6}
    assert section(document, "train", Train).decay_share == 0.6
