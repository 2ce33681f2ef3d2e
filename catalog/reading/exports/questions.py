"""What the questions of an export are called in the data set."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable

from catalog.reading.columns import Export
from catalog.reading.problems import Code, Fault, ReadingStoppedError, escape

_SHOWN = 30


class Questions:
    """Translates the names that an export has for questions, and remembers which it met."""

    def __init__(self, export: Export) -> None:
        self.export = export
        self.ours = {theirs: ours for ours, theirs in export.questions.items()}
        self.met: dict[str, str] = {}
        self.offered: dict[str, None] = {}
        self.left_out: Counter[str] = Counter()

    def name(self, theirs: str) -> str | None:
        """Our name for a question of the export; ``None`` where it is left out.

        Raises
        ------
        ReadingStoppedError
            Where ``question=`` names one question and the export has several.
        """
        if theirs in self.met:
            return self.met[theirs]
        if theirs in self.export.ignore:
            return None
        if self.ours and theirs not in self.ours:
            self.left_out[f"answers to '{escape(theirs, 40)}', which questions= does not name"] += 1
            return None
        self.met[theirs] = self._new_name(theirs)
        return self.met[theirs]

    def _new_name(self, theirs: str) -> str:
        if self.ours:
            return self.ours[theirs]
        stated = self.export.question
        if stated is None:
            return theirs
        if self.met:
            other = next(iter(self.met))
            wish = json.dumps({stated: other}, ensure_ascii=False)
            sentence = (
                f"question={escape(stated)} was sent, and the export has several questions, "
                f"'{escape(other)}' and '{escape(theirs)}'; say which, as "
                f"questions={escape(wish)}."
            )
            raise ReadingStoppedError(Fault(Code.QUESTION_UNSTATED, sentence, theirs))
        return stated

    def unnamed(self) -> str:
        """The question of an export that does not name any.

        Raises
        ------
        ReadingStoppedError
            Where nothing says which question it is.
        """
        if not self.export.subject:
            have = ", ".join(self.export.known) or "none yet"
            sentence = (
                "The export does not say which question was answered; send question= with one of "
                f"the data set's: {have}."
            )
            raise ReadingStoppedError(Fault(Code.QUESTION_UNSTATED, sentence))
        return self.export.subject

    def names_met(self) -> list[str]:
        """Every question of the export under our name; where it named none, the stated one."""
        return (
            list(dict.fromkeys(self.met.values())) or list(self.ours.values()) or [self.unnamed()]
        )

    def columns(self, names: Iterable[str]) -> dict[str, str]:
        """Which of these keys or columns hold answers: their name -> our question.

        An export that puts the answers beside the item's data does not tell them apart: they are
        those that ``questions=`` names, else those that are called like questions of the data set.
        """
        given = list(names)
        if len(self.offered) < _SHOWN:
            self.offered.update(dict.fromkeys(given))
        if self.ours:
            found = {name: self.ours[name] for name in given if name in self.ours}
        else:
            found = {name: name for name in given if name in self.export.known}
        self.met.update(found)
        return found

    def check(self) -> None:
        """Refuse an export that lacks a question which it was said to have.

        Raises
        ------
        ReadingStoppedError
            Where answers would get lost because of a name.
        """
        absent = [theirs for theirs in self.ours if theirs not in self.met]
        if (absent and (self.met or self.left_out or self.offered)) or (
            self.offered and not self.met
        ):
            raise ReadingStoppedError(self._not_found(absent))

    def _not_found(self, absent: list[str]) -> Fault:
        names = [*self.offered, *self.met]
        shown = ", ".join(f"'{escape(name, 40)}'" for name in names[:_SHOWN])
        wanted = absent or list(self.export.known)
        example = next(iter(self.export.questions), None) or self.export.subject or "ours"
        sentence = (
            f"The export has nothing called {', '.join(map(escape, wanted)) or 'a question'}; "
            f"it has: {shown or 'other questions'}. "
            f"Send questions={escape(json.dumps({example: 'theirs'}, ensure_ascii=False))} to say "
            "what holds the answers."
        )
        return Fault(Code.QUESTION_UNSTATED, sentence)

    def takes_set(self, ours: str) -> bool:
        """Whether the answer to a question of the data set is a set of values."""
        return (ours or self.export.subject) in self.export.sets
