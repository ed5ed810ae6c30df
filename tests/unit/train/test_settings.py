"""Choices of the train section that do not go together."""

import sys
from typing import Any

import pytest
from given import parameters

from onestage.errors import InputError, ParamError
from onestage.params import section
from onestage.train.deepspeed_settings import require_usable
from onestage.train.settings import Train

_LORA = {"alpha": 16, "dropout": 0.0, "targets": [], "weights": "fp32"}


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
            {"lora": {**_LORA, "rank": 4, "weights": "bf16"}},
            "lora.weights bf16 needs precision bf16, found fp32",
        ),
        (
            {
                "lora": {**_LORA, "rank": 4, "weights": "bf16"},
                "precision": "bf16",
                "deepspeed": {"zero_optimization": {"stage": 2}},
            },
            "lora.weights bf16 does not work with deepspeed",
        ),
        (
            {"schedule": "warmup_stable_decay", "warmup_share": 0.5, "decay_share": 0.6},
            "more than 1 together",
        ),
        ({"deepspeed": {"zero_optimisation": {}}}, "deepspeed.zero_optimisation is no key of Dee"),
        ({"deepspeed": {"zero_optimization": 2}}, "deepspeed.zero_optimization: expected a map"),
        ({"deepspeed": {"zero_optimization": {"stage": 4}}}, "stage: expected 0 to 3, found 4"),
        ({"deepspeed": {"zero_optimization": {"stage": True}}}, "expected 0 to 3, found True"),
        (
            {"deepspeed": {"zero_optimization": {"stage": 3, "offload_param": {"device": "ram"}}}},
            "offload_param: expected a mapping whose device is one of none, cpu, nvme, found 'ram'",
        ),
        (
            {"deepspeed": {"zero_optimization": {"stage": 2, "offload_param": {"device": "cpu"}}}},
            "offload_param needs ZeRO stage 3 or more, found stage 2",
        ),
        (
            {"rows_per_step": 8, "deepspeed": {"train_batch_size": 16}},
            "deepspeed.train_batch_size is 16, but rows_per_step asks for 8; write auto",
        ),
        (
            {"deepspeed": {"train_micro_batch_size_per_gpu": 2}},
            "train_micro_batch_size_per_gpu is 2, but rows_per_device asks for 1",
        ),
        (
            {"deepspeed": {"optimizer": {"type": "AdamW", "params": {"lr": "auto"}}}},
            "deepspeed.optimizer: learning_rate, adam_betas and weight_decay of train tell it",
        ),
        ({"deepspeed": {"bf16": {"enabled": True}}}, "bf16.enabled is True, but precision"),
        (
            {"deepspeed": {"scheduler": {"type": "WarmupLR"}}},
            "scheduler: schedule and its shares of train tell it",
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


def test_a_whole_configuration_of_deepspeed() -> None:
    document = parameters()
    document["train"] |= {
        "rows_per_step": 8,
        "deepspeed": {
            "zero_optimization": {"stage": 3, "offload_param": {"device": "cpu"}},
            "bf16": {"enabled": "auto"},
            "train_batch_size": 8,
            "train_micro_batch_size_per_gpu": "auto",
            "gradient_clipping": 1.0,
        },
    }
    assert section(document, "train", Train).zero_stage == 3


def test_without_its_package_it_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "deepspeed", None)
    require_usable({}, turns=1)
    with pytest.raises(InputError, match=r"train\.deepspeed needs the package deepspeed; pip"):
        require_usable({"zero_optimization": {"stage": 2}}, turns=1)


def test_shares_are_of_their_schedule_only() -> None:
    document = parameters()
    document["train"] |= {"schedule": "cosine", "warmup_share": 0.5, "decay_share": 0.6}
    assert section(document, "train", Train).decay_share == 0.6
