"""What unify counts: metrics of what its output rests on, and what this run did and cost."""

import time
from collections import Counter
from typing import Any

from onestage.records import Rejection
from onestage.unify.budget import money
from onestage.unify.responses import Spent
from onestage.unify.rewriting import Rewriter, Rewritten
from onestage.unify.settings import Unify


class Tally:
    """Counts records as they come. Metrics depend on the records and responses alone."""

    def __init__(self, choices: Unify) -> None:
        self._choices = choices
        self._conversations = 0
        self._rejected: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()
        self._responses = 0
        self._prompt_tokens = 0
        self._completion_tokens = 0
        self._begin = time.monotonic()

    def add(self, found: Rewritten) -> None:
        """Count one record with its responses."""
        if isinstance(found.record, Rejection):
            self._rejected[found.record.reason] += 1
        else:
            self._conversations += 1
        self._failed.update(found.failed)
        self._responses += len(found.responses)
        for response in found.responses:
            self._prompt_tokens += response.prompt_tokens
            self._completion_tokens += response.completion_tokens

    def as_metrics(self) -> dict[str, Any]:
        """Return the counts; in mode `openai` with checks failed in any try, and tokens."""
        counts: dict[str, Any] = {
            "records": self._conversations + self._rejected.total(),
            "conversations": self._conversations,
            "rejected": dict(sorted(self._rejected.items())),
        }
        if self._choices.mode != "openai":
            return counts
        spent = Spent(self._prompt_tokens, self._completion_tokens)
        return {
            **counts,
            "checks_failed": dict(sorted(self._failed.items())),
            "responses": self._responses,
            **spent._asdict(),
            "price": money(spent, self._choices.price),
        }

    def as_telemetry(self, rewriter: Rewriter) -> dict[str, Any]:
        """Return what this run asked for and paid, and what the store saved it."""
        usage = {**rewriter.usage, "tokens_lost": rewriter.tokens_lost}
        return {"usage": usage, "faults": dict(sorted(rewriter.faults.items()))}

    def note(self, rewriter: Rewriter) -> str:
        """Return what a progress bar says: tokens a second, rejections by reason, tokens spent."""
        spent = rewriter.usage["tokens_spent"]
        rate = spent / max(time.monotonic() - self._begin, 1e-9)
        reasons = ", ".join(f"{reason} {n}" for reason, n in self._rejected.most_common(3))
        return f"{rate:.0f} tokens/s, spent {spent}, rejected {self._rejected.total()} ({reasons})"
