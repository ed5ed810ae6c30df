"""What collect makes of one real source, beside what plain reading finds in its files."""

import json
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from plain_reading import Fields, raw_records
from real_files import choices

from onestage.collect.documents import to_document, to_messages
from onestage.collect.drafting import draft_portion, plan_portions, work_on
from onestage.collect.merging import Merger, require_sound
from onestage.collect.raw import BadRecord
from onestage.records import Passage, Rejection
from onestage.sources import Source

# A raw record's file and number.
Place = tuple[str, int]


class Collected:
    """What collect made of one source, beside what is in its files."""

    def __init__(self, given: Source, key: str, scratch: Path) -> None:
        self.source = given
        section = choices()
        work = work_on(given, section, scratch)
        portions = [draft_portion(work, portion) for portion in plan_portions(given)]
        merger = Merger(key, given, section, list(require_sound(key, given, portions)))
        self.items = list(merger.collect())
        self.counts = json.loads(json.dumps(merger.counts.as_metrics()))

    @property
    def kept(self) -> list[Passage]:
        return [item for item in self.items if isinstance(item, Passage)]

    @property
    def rejected(self) -> list[Rejection]:
        return [item for item in self.items if isinstance(item, Rejection)]

    @cached_property
    def raw(self) -> dict[Place, Fields]:
        return {(file, number): fields for file, number, fields in raw_records(self.source)}

    @cached_property
    def documents(self) -> dict[Place, str]:
        """The documents' texts by file and record; of SFT sources the turns one a line."""
        return {
            place: self._rebuilt(fields) for place, fields in self.raw.items() if fields is not None
        }

    def _rebuilt(self, fields: dict[str, Any]) -> str:
        if self.source.kind == "sft":
            turns = to_messages(fields, self.source.fields, replace=self.source.replace)
            assert not isinstance(turns, BadRecord)
            return "\n".join(message.content for message in turns.messages)
        found = to_document(
            fields,
            self.source.fields,
            replace=self.source.replace,
            wrapped=self.source.wrapped,
        )
        assert not isinstance(found, BadRecord)
        return found.text

    def spans(self) -> Iterator[tuple[Place, list[tuple[int, int]]]]:
        """Yield for each document that was cut the spans of its passages, kept or not."""
        found: dict[Place, list[tuple[int, int]]] = {}
        for item in self.items:
            if isinstance(item, Passage):
                found.setdefault((item.file, item.record), []).append(item.span)
            elif isinstance(item, Rejection) and "start" in item.detail:
                span = (int(item.detail["start"]), int(item.detail["end"]))
                found.setdefault(place_of(item), []).append(span)
        yield from found.items()


def place_of(item: Rejection) -> Place:
    return str(item.detail["file"]), int(item.detail["record"])
