"""Derives a lexicon of words and short terms from long descriptions, such as a code list's.

A description ("Typhoid fever with heart involvement, unspecified") almost never stands in
running text as it is. The recipe:

1. Phrases: descriptions in lower case (the last column, where there are several), cut at
   everything but letters, hyphens and apostrophes, at words of classification (unspecified,
   elsewhere) and at joining words (of, due to, with).
2. Words: those of at least four letters that make up a share of the phrases `min_ratio` times
   as large as their share of general text, in which each word counts half an occurrence more
   than it has. So a word that general text lacks must stand in several phrases, since rare
   general words are lacking too; unless it is formed like a word of medicine (`-itis`,
   `cardio-`), when one phrase is enough. With each comes its plain plural or singular, by the
   same test.
3. Terms: phrases, and parts of phrases, of two or three words, that hold a word of step 2,
   occur in at least `min_phrases` phrases, and in no line of general text.

The result is sorted, in lower case and without repeats: the same files give the same bytes.
What is general must be given: with too little of it, words of everyday speech stay in.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_PHRASE_ENDS = re.compile(r"[^\w'’ -]+|\d+")
_WORD_MIN_LETTERS = 4
_TERM_WORDS = (2, 3)
_JOINING = """
a after an and as associated at before between by caused due during following for from in
including into involving is not of on or other related resulting than that the to type types which
while who with within without
"""
# Words that sort cases, whatever they are cases of.
_CLASSIFYING = """
absence absent achieved acquired activities activity additional adult adults affecting agent
agents alternating angle angles anterior bilateral bodies body category cause causes changes
chapter class classified closed cluster code combined complete complicating complication
complications component components condition conditions contact crystal crystals current cycle
deep degree densities density depth different dimension documented dominant due elsewhere
encounter episode episodes evidence except excess excluding exposed expression expressions extent
external factor factors female females finding findings first following foreign form forms fourth
frequent full function functional functions general generalized grade group groups hand hands high
history identified ill-defined incomplete indeterminate initial inner intermediate internal
involvement isolated known large late lateral layer left level localized loss lower male males
material materials mature mechanical medial middle mild mixed moderate multiple named nature
non-dominant number numbers open origin outer part partial parts pattern patterns percent period
persistent personal plate plates plus posterior presence present pressure pressures previous
primary procedure procedures process product products quadrant quadrants quantitative reactive
recurrent region relapse remission right second secondary separation sequela sequelae severe
severity side simple single site sites small soft solid spatial specific specified stability
stable stage stages state states static status storage structural structure structures subsequent
substance substances superior supplementary system systems third total typical uncertain
underlying unequal unidentified unilateral unqualified unspecified unstable upper use various
"""
_STOPS = frozenset((_JOINING + _CLASSIFYING).split())
# Adjectives, participles and Latin forms, which take no plain plural, and what is no plural.
_NO_NUMBER = re.compile(
    r"(?:al|ic|ous|ar|ive|ory|ary|ed|ing|oid|ble|less|like|ly|ae?|i|o|um|us|is|ss|x|z|ch|sh|'s)$"
)
# Parts of words that medicine has from Greek and Latin.
_MEDICAL_FORM = re.compile(
    r"(?:itis|itides|os[ei]s|otic|[aeh]?emi[ac]s?|oma|omas|omata|omatous|path(?:y|ies|ic)|uri[ac]"
    r"|algi[ac]|plegi[ac]|pareses|paresis|trop(?:hy|hic)|plas(?:ia|tic|m|ms|ty)|ectom(?:y|ies)"
    r"|ostom(?:y|ies)|otom(?:y|ies)|scop(?:y|ic)|gram|graphy|logical|rrh(?:ea|oea|age|agic|oids?)"
    r"|cele|celes|ectas(?:ia|is)|sten(?:osis|otic)|lys(?:is|es)|lytic|malacia|megaly|penia|penic"
    r"|philia|phobia|phasia|phagia|pnea|opia|opsia|esthesia|tensive|tension|iasis|iases"
    r"|cocc(?:us|i|al)|bacill(?:us|i)|vir(?:us|al|uses)|globulin|cytes?|cytic|blast(?:ic|s)?"
    r"|genic|ase|toxic|toxin|edema|cephal(?:y|ic|us)|myel(?:in|oid)|thyroid|thyroidism|gland"
    r"|ular|eal|oidal)$"
    r"|^(?:cardi|neur|hepat|nephr|gastr|enter|derm|haem|hemat|hemo|arthr|oste|myo|encephal|mening"
    r"|pneum|bronch|pulmo|laryng|pharyng|rhin|oto|ophthalm|retin|kerat|conjunctiv|thromb|vascul"
    r"|angi|arter|phleb|lymph|splen|leuk|leuc|erythr|carcin|fibr|lip|gluc|glyc|insulin|thyr|adren"
    r"|pituit|gonad|ovari|uter|vagin|cervic|prostat|testic|urethr|cyst|pyel|ren|hyper|hypo|brady"
    r"|tachy|dys|poly|anti|intra|peri|post|trans|endo|epi|immun|psych|schiz|mycobac|strept|staph"
    r"|salmon|shigel|tubercul|syphil|gonoc|chlamyd|toxopl|malari|leishm|trypan|candid|asperg)"
)


def derive_lexicon(
    descriptions: Iterable[str],
    general: Iterable[str],
    *,
    min_ratio: float = 12.0,
    min_phrases: int = 2,
) -> list[str]:
    r"""Return the terms; `descriptions` and `general` are lines of text.

    >>> derive_lexicon(["K35\tAcute appendicitis", "O99\tAcute appendicitis, other"], ["an end"])
    ['acute appendicitis', 'appendicitis']
    """
    phrases = [
        phrase for line in descriptions for phrase in _phrases(line.rstrip("\n").split("\t")[-1])
    ]
    general_lines = [f" {' '.join(_words(line))} " for line in general]
    words = _domain_words(
        Counter(word for phrase in phrases for word in phrase),
        Counter(word for line in general_lines for word in line.split()),
        min_ratio,
    )
    return sorted(words | _terms(phrases, words, "\n".join(general_lines), min_phrases))


def _words(text: str) -> list[str]:
    return [word.replace("’", "'") for word in _WORD.findall(text.lower())]


def _phrases(description: str) -> Iterator[list[str]]:
    for part in _PHRASE_ENDS.split(description):
        phrase: list[str] = []
        for word in _words(part):
            if word not in _STOPS:
                phrase.append(word)
            elif phrase:
                yield phrase
                phrase = []
        if phrase:
            yield phrase


def _domain_words(
    described: Mapping[str, int], general: Mapping[str, int], min_ratio: float
) -> set[str]:
    described_total, general_total = sum(described.values()), max(1, sum(general.values()))

    def ratio(word: str, count: int) -> float:
        return (count / described_total) / ((general.get(word, 0) + 0.5) / general_total)

    found: set[str] = set()
    for word, count in described.items():
        if len(word) < _WORD_MIN_LETTERS or word in _STOPS:
            continue
        formed = word not in general and _MEDICAL_FORM.search(word)
        if not formed and ratio(word, count) < min_ratio:
            continue
        found.add(word)
        found.update(
            other
            for other in _other_number(word)
            if len(other) >= _WORD_MIN_LETTERS
            and other not in _STOPS
            and ((formed and other not in general) or ratio(other, count) >= min_ratio)
        )
    return found


def _other_number(word: str) -> Iterator[str]:
    """Yield the plain plural, or the singular of a word that looks like one."""
    if _NO_NUMBER.search(word):
        return
    if word.endswith("ies"):
        yield f"{word[:-3]}y"
    elif word.endswith("s"):
        yield word[:-1]
    elif word.endswith("y") and word[-2:-1] not in "aeiou":
        yield f"{word[:-1]}ies"
    else:
        yield f"{word}s"


def _terms(
    phrases: Iterable[list[str]], words: set[str], general: str, min_phrases: int
) -> set[str]:
    counts: Counter[tuple[str, ...]] = Counter()
    for phrase in phrases:
        parts = {
            tuple(phrase[start : start + size])
            for size in _TERM_WORDS
            for start in range(len(phrase) - size + 1)
        }
        counts.update(part for part in parts if words.intersection(part))
    return {
        term
        for part, count in counts.items()
        if count >= min_phrases and f" {(term := ' '.join(part))} " not in general
    }
