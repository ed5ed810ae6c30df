"""How fast a run goes: tokens a second, padding, time left, use of the device."""

import re
import time
from typing import Any

from onestage.train.tally import NOTHING, Counts

# Dense bf16 matrix products with fp32 sums, in 10^12 operations a second, from the makers' data
# sheets; a name with more words goes first.
_PEAK_TFLOPS = {
    "H100 PCIE": 756,
    "H100 NVL": 835,
    "B200": 2250,
    "H200": 989,
    "H100": 989,
    "H800": 989,
    "H20": 148,
    "A100": 312,
    "A800": 312,
    "L40S": 362,
    "L4": 121,
    "A40": 150,
    "A30": 165,
    "A10": 125,
    "MI300X": 1307,
}


def peak_flops(device: str, precision: str) -> float | None:
    """Return the peak of a device by the name it reports; None where it is not known."""
    if precision != "bf16":
        return None
    words = set(re.findall(r"[A-Z0-9]+", device.upper()))
    for name, tera in _PEAK_TFLOPS.items():
        if words.issuperset(name.split()):
            return tera * 1e12
    return None


class ModelFlops:
    """Floating-point operations that one pass forward and backward needs at least.

    A weight costs two operations a token forward, two for the gradient of its input, and two
    for its own gradient where it is trained; looking up an embedding costs nothing, and the head
    is needed for trained tokens alone. Attention
    costs 4 x heads x head size for each key attended to, thrice (PaLM, arXiv 2204.02311,
    appendix B, but with the keys there are). What gradient checkpointing computes again is not
    counted.
    """

    def __init__(self, model: Any) -> None:
        config = model.config.get_text_config()
        heads = config.num_attention_heads
        size = getattr(config, "head_dim", None) or config.hidden_size // heads
        self._per_key: int = 12 * config.num_hidden_layers * heads * size
        looked_up = model.get_input_embeddings().weight
        head = model.get_output_embeddings().weight  # tied, it is looked up as well
        self._per_trained = _cost(head)
        self._per_token = sum(
            _cost(weight)
            for weight in model.parameters()
            if weight is not head and weight is not looked_up
        )

    def of(self, counts: Counts) -> int:
        """Return the operations for so many tokens, trained tokens and keys."""
        return (
            self._per_token * counts.tokens
            + self._per_trained * counts.trained
            + self._per_key * counts.attended
        )


def _cost(weight: Any) -> int:
    """Return the operations of a weight's matrix products for one token."""
    elements: int = getattr(weight, "ds_numel", weight.numel())  # ZeRO leaves a part here
    return (6 if weight.requires_grad else 4) * elements


class Throughput:
    """The pace since training began, in this process: states and sample answers included.

    `peak` is of all devices together, None where it is not known.
    """

    def __init__(self, flops: ModelFlops, peak: float | None) -> None:
        self._flops = flops
        self._peak = peak
        self._began = self._last = time.monotonic()
        self._all = NOTHING

    def since_last(self, counts: Counts) -> dict[str, float]:
        """Return the pace since the last call, with these counts."""
        now = time.monotonic()
        seconds, self._last = now - self._last, now
        self._all = self._all.plus(counts)
        return self._pace(counts, seconds)

    def in_all(self) -> dict[str, float]:
        """Return the pace over all counts so far; nothing if a former process had done it all."""
        return self._pace(self._all, self._last - self._began)

    def seconds_left(self, done: int, left: int) -> float:
        """Return the time that `left` steps will take at the pace of the `done` ones."""
        return (time.monotonic() - self._began) / max(done, 1) * left

    def _pace(self, counts: Counts, seconds: float) -> dict[str, float]:
        if not counts.places:
            return {}
        pace = {
            "tokens_per_second": round(counts.tokens / seconds, 1),
            "trained_tokens_per_second": round(counts.trained / seconds, 1),
            "padding_share": round(1 - counts.tokens / counts.places, 6),
        }
        if self._peak is not None:
            pace["model_flops_utilisation"] = round(
                self._flops.of(counts) / seconds / self._peak, 4
            )
        return pace
