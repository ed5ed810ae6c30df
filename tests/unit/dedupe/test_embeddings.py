"""Folders that are used, folders that are refused, and texts beyond what a model reads at once."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from onestage.dedupe import embeddings
from onestage.dedupe.embeddings import Embedder, require_embedder
from onestage.errors import InputError

pytest.importorskip("sentence_transformers")
from small_embedders import tiny_bert, token_table


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bert(tmp_path_factory.mktemp("models") / "tiny", max_tokens=16)


def test_vectors_have_length_one_and_keep_their_order(bert: Path) -> None:
    embedder = Embedder(bert)
    texts = ["高血压", "头痛发热", "", "cough"]
    vectors, in_windows = embedder.vectors(texts)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors.astype(np.float64), axis=1) == pytest.approx(np.ones(4), abs=1e-6)
    assert not in_windows.any()
    again, _ = embedder.vectors(texts[::-1])
    assert again[::-1] == pytest.approx(vectors, abs=1e-6)
    assert abs(vectors[0] @ vectors[1]) < 0.999


def test_a_long_text_is_read_to_its_end(bert: Path) -> None:
    embedder = Embedder(bert)
    fits, too_long = "高" * 14, "高" * 15  # the two special tokens count
    begin = "高血压病人" * 6
    vectors, in_windows = embedder.vectors(
        [fits, too_long, begin + "咳嗽" * 15, begin + "头痛" * 15]
    )
    assert in_windows.tolist() == [False, True, True, True]
    assert vectors[2] @ vectors[3] < 0.999  # they differ after what the model reads at once
    halves, _ = embedder.vectors(["高" * 7, "高" * 8])
    mean = halves[0] * 7 + halves[1] * 8
    assert vectors[1] == pytest.approx(mean / np.linalg.norm(mean), abs=1e-6)


def test_words_are_not_cut_where_a_blank_is_near(bert: Path) -> None:
    windows = list(Embedder(bert)._windows("abcde fghij klmno pqrst"))
    assert "".join(windows) == "abcde fghij klmno pqrst"
    assert all(window in "abcde fghij klmno pqrst" for window in windows)


def test_a_table_of_tokens_reads_any_length(tmp_path: Path) -> None:
    folder = token_table(tmp_path / "table", {"高": [3.0, 4.0], "低": [0.0, 1.0]})
    content = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    content["truncation"] = {
        "direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0,
    }  # fmt: skip
    (folder / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
    vectors, in_windows = Embedder(folder).vectors(
        ["高", "低" * 600, "高" * 4 + "低" * 600, "", "？"]
    )
    assert not in_windows.any()
    assert vectors[0].tolist() == pytest.approx([0.6, 0.8])
    assert vectors[2][0] == pytest.approx(12 / math.hypot(12, 616))
    assert vectors[3].tolist() == vectors[4].tolist() == [0.0, 0.0]


def test_other_folders_are_refused_in_one_line(bert: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none/modules.json: missing; .*\.threshold: 0"):
        require_embedder(tmp_path / "none")
    pickled = tmp_path / "pickled"
    pickled.mkdir()
    (pickled / "modules.json").write_text("[]")
    (pickled / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(InputError, match=r"pytorch_model.bin: weights in a pickle"):
        require_embedder(pickled)
    (pickled / "model.safetensors").write_bytes(b"")
    require_embedder(pickled)
    with pytest.raises(InputError, match="does not load"):
        Embedder(pickled)


def test_code_of_the_folder_is_never_run(bert: Path, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "own_code.py").write_text("raise SystemExit('ran')\n")
    modules = [{"idx": 0, "name": "0", "path": "", "type": "own_code.Model"}]
    (folder / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(InputError, match="does not load") as raised:
        Embedder(folder)
    assert "\n" not in str(raised.value)


def test_values_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    folder = token_table(tmp_path / "table", {"高": [math.nan, 1.0]})
    with pytest.raises(InputError, match="no numbers"):
        Embedder(folder).vectors(["高"])


def test_a_missing_package_is_named_with_its_extra(
    bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embeddings.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"sentence-transformers; run .*onestage\[semantic\]"):
        require_embedder(bert)
