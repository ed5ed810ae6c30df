import pytest

from onestage.comparison.partial_credit import credit, several_answers
from onestage.records import Prediction


@pytest.mark.parametrize(
    ("answer", "predicted", "points"),
    [
        ("AC", "AC", 1.0),
        ("AC", "A", 0.5),
        ("ACD", "AD", 2 / 3),
        ("ACD", "ABD", 0.0),  # a wrong option costs all
        ("AC", "ABCDE", 0.0),  # all options are no way to points
        ("AC", "B", 0.0),
        ("AC", "", 0.0),
        ("B", "B", 1.0),
    ],
)
def test_points_of_one_question(answer: str, predicted: str, points: float) -> None:
    assert credit(answer, predicted) == pytest.approx(points)


def _prediction(answer: str, predicted: str) -> Prediction:
    return Prediction(
        "exam", f"{answer}{predicted}", "", "", answer, predicted, answer == predicted
    )


def test_questions_with_one_answer_do_not_count() -> None:
    group = [_prediction("B", "B"), _prediction("AC", "A"), _prediction("ABD", "ABD")]
    assert several_answers(group) == {
        "items": 2,
        "right": 1,
        "accuracy": 0.5,
        "partial_credit": 0.75,
    }
    assert several_answers(group[:1]) is None


@pytest.mark.parametrize("answer", ["AB", "ACD", "ABCDE"])
def test_credit_is_full_for_the_exact_set_alone(answer: str) -> None:
    chosen = ["", *("ABCDE"[:n] for n in range(1, 6)), "ACD", "AE"]
    assert [one for one in chosen if credit(answer, one) == 1.0] == [answer]
