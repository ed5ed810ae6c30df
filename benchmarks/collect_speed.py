"""Times collect on a generated corpus with one and two workers, beside a peer.

    python benchmarks/collect_speed.py CORPUS SCRATCH [--workers 1 --workers 2] [--peer PYTHON]

CORPUS is what benchmarks/collect_corpus.py wrote. Each source is collected by the stage's own
command, start-up included; every byte that it writes is compared between the worker counts.
With --peer, the interpreter of an environment that has datatrove, benchmarks/collect_peers.py
runs on the same files in the same call, and ratios are printed over what both read. Peak
memory is that of the largest process.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import click
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parent.parent
# What the peer has readers for.
SHARED = ("jsonl", "csv")


class Timed(NamedTuple):
    """One source collected once: seconds, megabytes of the largest process, a hash of all."""

    seconds: float
    peak_mb: float
    digest: str


def write_params(corpus: Path, scratch: Path) -> dict[str, Any]:
    """Write the toy profile over the corpus' sources; return the sources."""
    yaml = YAML(typ="safe", pure=True)
    document = yaml.load((ROOT / "profiles" / "toy.yaml").read_text(encoding="utf-8"))
    sources = json.loads((corpus / "corpus.json").read_text(encoding="utf-8"))
    for source in sources.values():
        source["path"] = str((corpus / source["path"]).resolve())
        source["lexicon"] = str(ROOT / "data" / "toy" / f"lexicon_{source['lang']}.txt")
        source["classifier"] = str(ROOT / "data" / "none")
    document["sources"] = sources
    (scratch / "params.yaml").write_text(json.dumps(document), encoding="utf-8")  # JSON is YAML
    return dict(sources)


def collect(key: str, scratch: Path, workers: int) -> Timed:
    """Run the stage for one source in a process of its own."""
    out = scratch / str(workers) / key
    command = [sys.executable, "-m", "stages.collect", "--source", key]
    command += ["--out", str(out / "out"), "--rejected", str(out / "rejected")]
    command += ["--metrics", str(out / "metrics.json")]
    environment = {
        **os.environ,
        "ONESTAGE_WORKERS": str(workers),
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}",
    }
    begin = time.perf_counter()
    process = subprocess.Popen(command, cwd=scratch, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begin
    if status:
        sys.exit(f"collect {key} failed")
    digest = hashlib.blake2b()
    for path in sorted(out.rglob("*.json*")):
        digest.update(path.read_bytes())
    return Timed(seconds, usage.ru_maxrss / 1024, digest.hexdigest())


def size_mb(path: Path) -> float:
    """Return the size of a file, or of all files in a folder, in MB."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file()) / 1e6


def peer_seconds(python: str, corpus: Path, scratch: Path, workers: list[int]) -> dict[int, float]:
    """Run the peer and return the seconds that it took for all it reads, by workers."""
    command = [python, str(ROOT / "benchmarks" / "collect_peers.py"), str(corpus)]
    command += [str(scratch / "peer"), *(f"--workers={count}" for count in workers)]
    told = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout
    print(told)
    rows = re.findall(r"^\| (\d+) \| both \| [\d.]+ \| ([\d.]+) ", told, re.MULTILINE)
    return {int(count): float(seconds) for count, seconds in rows}


def print_table(sources: dict[str, Any], timed: dict[int, dict[str, Timed]]) -> None:
    """Print seconds and MB/s of each source, by workers."""
    print(
        "| source | format | MB |", " | ".join(f"{n}: s | {n}: MB/s | {n}: peak MB" for n in timed)
    )
    print("|---" * (3 + 3 * len(timed)) + "|")
    for key, source in sources.items():
        megabytes = size_mb(Path(source["path"]))
        row = [key, source["format"], f"{megabytes:.1f}"]
        for runs in timed.values():
            run = runs[key]
            row += [f"{run.seconds:.1f}", f"{megabytes / run.seconds:.2f}", f"{run.peak_mb:.0f}"]
        print("|", " | ".join(row), "|")


@click.command()
@click.argument("corpus", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("scratch", type=click.Path(file_okay=False, path_type=Path))
@click.option("--workers", multiple=True, type=int, default=(1, 2), show_default=True)
@click.option("--peer", help="Interpreter of an environment with datatrove.")
def main(corpus: Path, scratch: Path, workers: tuple[int, ...], peer: str | None) -> None:
    """Print MB/s, scaling, peak memory, and ratios to the peer."""
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    sources = write_params(corpus, scratch)
    # Worker counts take turns at each source, so that a slow phase of the machine meets all.
    timed: dict[int, dict[str, Timed]] = {count: {} for count in workers}
    for key in sources:
        for count in workers:
            timed[count][key] = collect(key, scratch, count)
    print_table(sources, timed)
    digests = {key: {runs[key].digest for runs in timed.values()} for key in sources}
    print("\nsame bytes:", all(len(found) == 1 for found in digests.values()))
    totals = {n: sum(run.seconds for run in runs.values()) for n, runs in timed.items()}
    megabytes = sum(size_mb(Path(source["path"])) for source in sources.values())
    for count, seconds in totals.items():
        speed = megabytes / seconds
        print(f"{count} workers: {megabytes:.0f} MB in {seconds:.1f} s, {speed:.2f} MB/s")
    print(f"scaling: {totals[workers[0]] / totals[workers[-1]]:.2f} times")
    if peer:
        own = {
            count: sum(runs[key].seconds for key, s in sources.items() if s["format"] in SHARED)
            for count, runs in timed.items()
        }
        for count, seconds in peer_seconds(peer, corpus, scratch, list(workers)).items():
            print(f"{count} workers, jsonl and csv: {seconds / own[count]:.2f} times the peer")


if __name__ == "__main__":
    main()
