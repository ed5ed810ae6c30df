"""Weighs the terms of a lexicon by labelled passages: general words come to count little.

A term's share is how much of it is of the domain: the rate of domain passages that hold it over
the sum of that rate and the rate of general passages that do. The weight is the fourth power of
the share, after one more passage is counted that holds the term and is of the domain to nine
tenths; so a term that no passage holds keeps two thirds of its weight, and a word that both
hold alike (share 0.5) a sixteenth. Whole sources will do for labels: passages of a textbook,
and of the news.
"""

from collections import Counter
from collections.abc import Iterable

from onestage.collect.density import Lexicon
from onestage.labelled import Labelled

_PRIOR_SHARE = 0.9
_POWER = 4


def weigh(lexicon: Lexicon, rows: Iterable[Labelled]) -> dict[str, float]:
    """Return the weight of each term, 0 to 1, for rows of both labels.

    >>> weights = weigh(Lexicon(["ALT", "now"]), [Labelled("ALT now", 1), Labelled("now", 0)])
    >>> {term: round(weight, 2) for term, weight in weights.items()}
    {'alt': 0.81, 'now': 0.16}
    """
    passages = Counter[bool]()
    holding: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    for row in rows:
        passages[bool(row.label)] += 1
        holding[bool(row.label)].update(lexicon.terms_in(row.text))

    def weight(term: str) -> float:
        domain, general = holding[True][term], holding[False][term]
        if not domain + general:
            return _PRIOR_SHARE**_POWER
        rates = domain / passages[True], general / passages[False]
        share = rates[0] / sum(rates)
        count = domain + general
        return float(((share * count + _PRIOR_SHARE) / (count + 1)) ** _POWER)

    return {term: weight(term) for term in lexicon.weights}
