"""Whether a passage belongs to the domain: by lexicon, by a learned filter, or by both."""

from typing import Literal

from onestage.collect.classifier import Classifier
from onestage.collect.density import Lexicon
from onestage.collect.evidence import margin
from onestage.collect.quality import Verdict

Filter = Literal["lexicon", "classifier", "both"]


class DomainFilter:
    """Judges passages; a filter that is not asked for is None.

    Where both are, their evidence is weighed against each other: a passage that one is sure of
    stays although the other doubts it a little.
    """

    def __init__(
        self,
        lexicon: Lexicon | None,
        classifier: Classifier | None,
        *,
        min_density: float,
        min_probability: float,
    ) -> None:
        self._lexicon = lexicon
        self._classifier = classifier
        self._min_density = min_density
        self._min_probability = min_probability

    def verdict(self, text: str) -> Verdict | None:
        """Return why a passage is not of the domain, or None."""
        density = 0.0 if self._lexicon is None else self._lexicon.density(text)
        if self._classifier is None:
            if self._lexicon is None or density >= self._min_density:
                return None
            return "low_density", {"density": round(density, 4)}
        (probability,) = self._classifier.probabilities([text])
        if self._lexicon is None:
            if probability >= self._min_probability:
                return None
            return "low_probability", {"probability": round(probability, 4)}
        weighed = margin(
            density=density,
            min_density=self._min_density,
            probability=probability,
            min_probability=self._min_probability,
        )
        figures = {"density": round(density, 4), "probability": round(probability, 4)}
        return None if weighed >= 0 else ("low_evidence", {**figures})
