from onestage.records import Prediction
from onestage.scores import accuracy, score_groups


def _prediction(benchmark: str, track: str, kind: str, *, correct: bool) -> Prediction:
    return Prediction(benchmark, "1", track, kind, "A", "A" if correct else "", correct)


def test_an_exam_counts_as_a_whole_by_track_and_by_type() -> None:
    found = [
        _prediction("mc", "", "", correct=True),
        _prediction("exam", "pharmacy", "matching", correct=True),
        _prediction("exam", "pharmacy", "best", correct=False),
        _prediction("exam", "", "best", correct=False),
    ]
    groups = score_groups(found)
    assert {name: len(group) for name, group in groups.items()} == {
        "mc": 1,
        "exam": 3,
        "exam/pharmacy": 2,
        "exam/pharmacy/matching": 1,
        "exam/pharmacy/best": 1,
        "exam/best": 1,
    }
    assert accuracy(groups["exam/pharmacy"]) == {"items": 2, "right": 1, "accuracy": 0.5}
