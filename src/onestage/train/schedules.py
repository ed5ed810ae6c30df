"""The learning rate over the steps, as a share of its highest value."""

import math
from typing import Literal

Schedule = Literal["cosine", "linear", "constant_with_warmup", "warmup_stable_decay"]


def rate_share(
    step: int, steps: int, *, schedule: Schedule, warmup_share: float, decay_share: float
) -> float:
    """Return the share of the learning rate at which `step` (from 0) of `steps` is made.

    All schedules rise linearly over ceil(warmup_share x steps). Then `cosine` and `linear` fall
    to 0, `constant_with_warmup` stays, and `warmup_stable_decay` stays until the last
    ceil(decay_share x steps), over which it falls linearly to 0 (arXiv 2404.06395; linear as in
    2405.18392). `decay_share` is read by that schedule only.
    """
    warmup = math.ceil(warmup_share * steps)
    if step < warmup:
        return step / warmup
    if schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))
    if schedule == "linear":
        return max(0, steps - step) / max(1, steps - warmup)
    if schedule == "warmup_stable_decay":
        return min(1.0, max(0, steps - step) / max(1, math.ceil(decay_share * steps)))
    return 1.0


def rate_share_in_portions(
    step: int,
    portions: list[int],
    *,
    schedule: Schedule,
    warmup_share: float,
    decay_share: float,
) -> float:
    """Return the share where each portion, given by its steps, has a schedule of its own.

    After the last step it is that of the last portion's end.
    """
    first = 0
    for steps in portions[:-1]:
        if step < first + steps:
            break
        first += steps
    else:
        steps = portions[-1]
    return rate_share(
        step - first,
        steps,
        schedule=schedule,
        warmup_share=warmup_share,
        decay_share=decay_share,
    )
