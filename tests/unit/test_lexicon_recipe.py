"""The lexicon recipe on descriptions small enough to check by hand."""

from pathlib import Path

from click.testing import CliRunner

from onestage.cli import main
from onestage.lexicon_recipe import derive_lexicon

DESCRIPTIONS = [
    "K35\tAcute appendicitis with localized peritonitis, unspecified",
    "K35.8\tOther acute appendicitis",
    "S61\tOpen wound of finger, initial encounter",
    "S62\tOpen wound of finger, sequela",
    "V00\tPedestrian hurt by a bicycle",
]
GENERAL = ["the bicycle of the pedestrian hurt nobody", "a finger in the wind"] * 20


def test_words_and_terms_of_the_domain_stay() -> None:
    found = derive_lexicon(DESCRIPTIONS, GENERAL, min_ratio=2.0)
    assert {"appendicitis", "peritonitis", "acute appendicitis"} <= set(found)


def test_general_and_classifying_words_go() -> None:
    found = derive_lexicon(DESCRIPTIONS, GENERAL, min_ratio=2.0)
    assert not {"pedestrian", "bicycle", "finger", "localized", "unspecified", "with"} & set(found)


def test_a_word_unlike_medicine_needs_more_than_one_phrase() -> None:
    general = ["nothing of the kind"] * 5
    once = ["A\tAllied fever"]
    assert "allied" not in derive_lexicon(once, general, min_ratio=30.0)
    assert "allied" in derive_lexicon(once * 9, general, min_ratio=4.0)


def test_a_word_comes_with_its_other_number() -> None:
    found = derive_lexicon(["L72\tLipoma", "M24\tContractures of joint"], ["an end"] * 99)
    assert {"lipoma", "contracture", "contractures"} <= set(found)


def test_result_is_sorted_unique_and_independent_of_order() -> None:
    found = derive_lexicon(DESCRIPTIONS, GENERAL)
    assert found == sorted(set(found))
    assert found == derive_lexicon(DESCRIPTIONS[::-1], GENERAL[::-1])


def test_command_writes_terms_and_says_how_many(tmp_path: Path) -> None:
    (tmp_path / "d.tsv").write_text("\n".join(DESCRIPTIONS), encoding="utf-8")
    (tmp_path / "g.txt").write_text("\n".join(GENERAL), encoding="utf-8")
    out = tmp_path / "lexicon.txt"
    options = ["--descriptions", tmp_path / "d.tsv", "--general", tmp_path / "g.txt", "--out", out]
    result = CliRunner().invoke(main, ["derive-lexicon", *map(str, options)])
    assert result.exit_code == 0, result.output
    terms = out.read_text(encoding="utf-8").splitlines()
    assert terms == derive_lexicon(DESCRIPTIONS, GENERAL)
    assert f"{len(terms)} terms" in result.output


def test_command_refuses_a_missing_file_in_one_line(tmp_path: Path) -> None:
    out = tmp_path / "lexicon.txt"
    options = ["--descriptions", "none.tsv", "--general", "none.txt", "--out", out]
    result = CliRunner().invoke(main, ["derive-lexicon", *map(str, options)])
    assert result.exit_code == 1
    assert result.output.startswith("Error: none.tsv")
    assert not out.exists()
