"""Numbers fixed by an id: the same on every machine, uniform, and their logarithm exact enough."""

import hashlib
import math
import os
import subprocess
import sys
from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onestage.sample.keys import ID, Ids, negative_log, uniform, waits

_IDS = st.lists(st.binary(min_size=12, max_size=12), min_size=1, max_size=8)
_WORD = 2**64


def _counted(number: int) -> Ids:
    """Return the worst ids for a hash: the numbers from 0."""
    return np.frombuffer(b"".join(n.to_bytes(12, "big") for n in range(number)), dtype=ID)


def _by_hand(name: bytes, seed: int, purpose: str, copy: int) -> int:
    """Compute the 52 bits in whole numbers, one id at a time."""

    def finalised(z: int) -> int:
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % _WORD
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % _WORD
        return z ^ (z >> 31)

    lanes = hashlib.blake2b(f"{seed}\x1f{purpose}\x1f{copy}".encode(), digest_size=16).digest()
    first = finalised(int.from_bytes(name[:8], "big") ^ int.from_bytes(lanes[:8], "big"))
    second = int.from_bytes(name[8:], "big") ^ int.from_bytes(lanes[8:], "big")
    return finalised(first ^ second) >> 12


@given(_IDS, st.integers(), st.sampled_from(["draw", "cap", "heldout"]), st.integers(0, 9))
def test_numbers_are_those_computed_by_hand(
    names: list[bytes], seed: int, purpose: str, copy: int
) -> None:
    found = uniform(np.frombuffer(b"".join(names), dtype=ID), seed=seed, purpose=purpose, copy=copy)
    expected = [(_by_hand(name, seed, purpose, copy) + 0.5) / 2**52 for name in names]
    assert found.tolist() == expected
    assert all(0 < number < 1 for number in expected)


def test_numbers_are_those_of_every_former_release() -> None:
    """Another value here moves every record of every team's curriculum: think before."""
    ids = np.frombuffer(bytes.fromhex("00193917cc9b9e34c74e9608"), dtype=ID)
    assert uniform(ids, seed=1, purpose="draw").tolist() == [0.3083723480814503]
    assert waits(ids, weight=32, seed=1, copy=2).tolist() == [0.0078433600788835]


def test_a_block_boundary_changes_nothing() -> None:
    ids = _counted(2**15 + 3)
    whole = uniform(ids, seed=1, purpose="draw")
    assert np.array_equal(whole[-5:], uniform(ids[-5:], seed=1, purpose="draw"))
    whole = waits(ids, weight=3, seed=1, copy=0)
    assert np.array_equal(whole[-5:], waits(ids[-5:], weight=3, seed=1, copy=0))


_FRACTIONS = st.integers(0, 2**52 - 1).map(lambda n: (n + 0.5) / 2**52)
_EDGES = [
    2.0**-53, 3 * 2.0**-53, 1 - 2.0**-53, 1 - 3 * 2.0**-53, 0.5, 0.25, math.sqrt(0.5),
    math.nextafter(math.sqrt(0.5), 0), math.nextafter(math.sqrt(0.5), 1),
    math.nextafter(0.5, 0), math.nextafter(0.5, 1), math.exp(-1),
]  # fmt: skip


@given(st.one_of(_FRACTIONS, st.sampled_from(_EDGES)))
def test_the_logarithm_is_right_to_three_units_in_the_last_place(fraction: float) -> None:
    found = float(negative_log(np.array([fraction]))[0])
    with localcontext() as context:
        context.prec = 40
        exact = -Decimal(fraction).ln()
        assert abs(Decimal(found) - exact) <= 3 * Decimal(math.ulp(float(exact)))


def test_numbers_of_counted_ids_are_uniform_and_independent_of_other_copies() -> None:
    """64 x 64 fields of (copy 0, copy 1), and of neighbouring ids: 4095 degrees of freedom."""
    ids = _counted(2**17)
    zero, one = (uniform(ids, seed=5, purpose="draw", copy=copy) for copy in (0, 1))
    other = uniform(ids, seed=6, purpose="draw")
    held = uniform(ids, seed=5, purpose="heldout")
    for pair in (one, other, held, np.roll(zero, 1), np.roll(zero, 256)):
        fields = np.histogram2d(zero, pair, bins=64, range=[[0, 1], [0, 1]])[0]
        statistic = float(np.sum((fields - 32) ** 2) / 32)
        # mean 4095, standard deviation 90.5: four of them to either side
        assert statistic == pytest.approx(4095, abs=362)


_PRINT_DIGEST = """
import hashlib, sys
import numpy as np
from numpy._core._multiarray_umath import __cpu_features__ as features
from onestage.sample.keys import ID, waits
ids = np.frombuffer(b"".join(n.to_bytes(12, "big") for n in range(100_000)), dtype=ID)
keys = waits(ids, weight=7, seed=1, copy=0)
print(features.get("X86_V3", False), hashlib.sha256(keys.tobytes()).hexdigest())
"""


def _digest(**environment: str) -> list[str]:
    command = [sys.executable, "-c", _PRINT_DIGEST]
    given = {**os.environ, **environment}
    return subprocess.run(
        command, env=given, capture_output=True, text=True, check=True
    ).stdout.split()


def test_keys_do_not_depend_on_the_type_of_cpu() -> None:
    """Without the processor's vector instructions numpy takes other ways to the same bytes."""
    plain = _digest(NPY_DISABLE_CPU_FEATURES="X86_V3 X86_V4 AVX512_ICL")
    assert plain == ["False", _digest()[1]]
    assert plain[1] == ("8e90cdde8e6b8d4894b255546990902bd6bb8f2e6138d6052ace8989c8b94ded")
