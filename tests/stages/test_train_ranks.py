"""Several ranks of the train stage on one machine: the rows, losses and weights of one rank."""

import json
from pathlib import Path

import pytest
from safetensors.numpy import load_file
from training_runs import losses, random_rows, run, write_run

ROWS = random_rows(43)  # of 8 a step: the last one has room for 5 more


def _run(folder: Path, ranks: int) -> Path:
    write_run(folder, ROWS, rows_per_step=8, rows_per_device=2)
    done = run(folder, ONESTAGE_RANKS=str(ranks))
    assert (done.stdout, done.stderr) == ("", "")
    return folder


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _run(tmp_path_factory.mktemp("one"), 1)


@pytest.mark.xdist_group("ranks")
@pytest.mark.parametrize("ranks", [2, pytest.param(4, marks=pytest.mark.long)])
def test_ranks_give_the_losses_and_weights_of_one(tmp_path: Path, one: Path, ranks: int) -> None:
    several = _run(tmp_path, ranks)
    assert len(losses(one)) == 6
    assert losses(several) == pytest.approx(losses(one), abs=1e-4)
    expected = load_file(one / "model" / "model.safetensors")
    found = load_file(several / "model" / "model.safetensors")
    assert found.keys() == expected.keys()
    for name, weights in expected.items():
        assert found[name] == pytest.approx(weights, abs=1e-4), name
    names = [{p.name for p in (folder / "model").iterdir()} for folder in (one, several)]
    assert names[0] == names[1]
    first, second = (json.loads((folder / "metrics.json").read_text()) for folder in (one, several))
    assert first["steps"] == second["steps"] == 6
    assert not list((several / "scratch" / "train").iterdir())


@pytest.mark.long
@pytest.mark.xdist_group("ranks")
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_adapters_on_two_ranks_are_those_of_one(tmp_path: Path, precision: str) -> None:
    lora = {"rank": 4, "alpha": 8, "dropout": 0.0, "targets": [], "weights": precision}
    sizes = {"rows_per_step": 8, "rows_per_device": 2}
    found = []
    for ranks in (1, 2):
        folder = tmp_path / str(ranks)
        write_run(folder, ROWS, **sizes, lora=lora, precision=precision)
        assert run(folder, ONESTAGE_RANKS=str(ranks)).stderr == ""
        found.append(load_file(folder / "model" / "model.safetensors"))
    tolerance = 1e-4 if precision == "fp32" else 1e-3
    for name, weights in found[0].items():
        assert weights.dtype == "float32"
        assert found[1][name] == pytest.approx(weights, abs=tolerance), name


@pytest.mark.xdist_group("ranks")
def test_a_rank_that_fails_is_told_in_one_line(tmp_path: Path) -> None:
    write_run(tmp_path, ROWS, rows_per_step=9, rows_per_device=3)
    done = run(tmp_path, succeeds=False, ONESTAGE_RANKS="2")
    (line,) = done.stderr.splitlines()
    assert line.startswith("Error: rank ")
    assert "rows_per_step (9) must be a multiple" in line
    assert not (tmp_path / "model").exists()


def test_ranks_asked_for_wrongly(tmp_path: Path) -> None:
    done = run(write_run(tmp_path, ROWS), succeeds=False, ONESTAGE_RANKS="two")
    assert done.stderr == ("Error: ONESTAGE_RANKS: expected a whole number above 0, found 'two'\n")
