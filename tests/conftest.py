"""Fixtures that several folders of tests share."""

import importlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from given import TOY_BASE, write_inputs
from hypothesis import settings

from onestage.pack.rendering import Renderer, load_renderer

# As on a run without a terminal; tqdm reads it when it is imported, which other tests do first.
os.environ["TQDM_DISABLE"] = "1"

# Examples are drawn from a fixed seed: a red run is red for everybody, and quick for all.
settings.register_profile("fast", max_examples=60, deadline=None, derandomize=True, database=None)
settings.load_profile("fast")

RunStage = Callable[..., Result]


@pytest.fixture(scope="session")
def renderer() -> Renderer:
    """Return a renderer with the toy base's tokenizer and template."""
    return load_renderer(TOY_BASE, TOY_BASE / "chat_template.jinja")


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with tiny inputs for every stage, and work in it."""
    monkeypatch.chdir(tmp_path)
    write_inputs(tmp_path)
    return tmp_path


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Let torch compute on one thread: on small inputs more of them only wait for one another."""
    import torch  # noqa: PLC0415  (only tests that ask for it pay for the import)

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
    torch.use_deterministic_algorithms(False)


@pytest.fixture
def run_stage() -> RunStage:
    """Return a call that runs a stage's command: `run_stage("collect", source="web", ...)`."""

    def run(stage: str, /, **options: object) -> Result:
        main = importlib.import_module(f"stages.{stage}").main
        named = [(f"--{key.replace('_', '-')}", str(value)) for key, value in options.items()]
        return CliRunner().invoke(main, [part for pair in named for part in pair])

    return run
