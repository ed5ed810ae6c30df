"""The schedules against those of transformers, which share no code with ours."""

import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st

from onestage.train.schedules import rate_share, rate_share_in_portions


def _expected(name: str, steps: int, warmup: int, decay: int) -> list[float]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    more = {"num_decay_steps": decay, "decay_type": "linear"}
    schedule = transformers.get_scheduler(
        name,
        optimizer,
        num_warmup_steps=warmup,
        num_training_steps=steps,
        scheduler_specific_kwargs=more if name == "warmup_stable_decay" else None,
    )
    rates = []
    for _ in range(steps):
        rates.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    return rates


@pytest.mark.parametrize(
    "name", ["cosine", "linear", "constant_with_warmup", "warmup_stable_decay"]
)
@pytest.mark.parametrize("steps", [40, 400])
def test_schedules_are_those_that_transformers_knows_by_the_name(name: str, steps: int) -> None:
    found = [
        rate_share(step, steps, schedule=name, warmup_share=0.1, decay_share=0.25)  # type: ignore[arg-type]
        for step in range(steps)
    ]
    assert found == pytest.approx(_expected(name, steps, steps // 10, steps // 4), abs=1e-12)


@given(
    steps=st.integers(1, 300),
    warmup=st.floats(0, 1),
    decay=st.floats(0, 1),
    name=st.sampled_from(["cosine", "linear", "constant_with_warmup", "warmup_stable_decay"]),
)
def test_a_share_is_from_0_to_1_at_any_step(
    steps: int, warmup: float, decay: float, name: str
) -> None:
    for step in range(steps + 2):
        share = rate_share(step, steps, schedule=name, warmup_share=warmup, decay_share=decay)  # type: ignore[arg-type]
        assert 0 <= share <= 1


def test_each_portion_has_the_whole_schedule() -> None:
    choices = {"schedule": "linear", "warmup_share": 0.0, "decay_share": 0.0}
    shares = [rate_share_in_portions(step, [2, 4], **choices) for step in range(7)]  # type: ignore[arg-type]
    assert shares == [1.0, 0.5, 1.0, 0.75, 0.5, 0.25, 0.0]
