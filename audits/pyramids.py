"""Where the bars of a population pyramid go: bands of age, one sex to each side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from audits.numerals import localized

SEXES = {"sex", "gender", "sexe", "genre"}
AGES = {"age", "age_band", "age_group", "age band", "age group", "ageband", "agegroup", "âge"}
HALF, GAP, LINE = 150.0, 64.0, 24
Row = dict[str, Any]


@dataclass(frozen=True)
class Bar:
    """One band of one sex: its share as a bar, the target's as an outline; from the middle out."""

    x: float
    width: float
    target_x: float
    target_width: float
    title: str


@dataclass(frozen=True)
class Band:
    """One band of age: where its line stands, and a bar to each side where it may be shown."""

    name: str
    y: int
    text_y: int
    left: Bar | None
    right: Bar | None


@dataclass(frozen=True)
class Pyramid:
    """Two sexes beside each other by bands of age, the oldest on top."""

    sexes: tuple[str, str]
    bands: list[Band]
    largest: float
    attributes: tuple[str, str]

    @property
    def height(self) -> int:
        return LINE * len(self.bands)

    @property
    def below(self) -> int:
        return self.height + 16

    @property
    def whole(self) -> int:
        """With room for the names of the sexes above and the scale below."""
        return self.height + 44


def pyramid_of(cells: list[Row]) -> Pyramid | None:
    """The pyramid of the cells where a sex and an age meet; none where they do not.

    Of more than two sexes the two with most items are drawn; the tables hold all.
    """
    names = next((tuple(c["attributes"]) for c in cells if _is_pair(tuple(c["attributes"]))), None)
    if names is None:
        return None
    sex, age = sorted(names, key=lambda name: name.lower() in AGES)
    own = [cell for cell in cells if set(cell["attributes"]) == {sex, age}]
    sexes = _two_largest(own, sex)
    if sexes is None:
        return None
    by_place = {(cell["attributes"][sex], cell["attributes"][age]): cell for cell in own}
    ages = list(dict.fromkeys(cell["attributes"][age] for cell in own))[::-1]
    shares = [cell["target_share"] or 0 for cell in own]
    shares += [cell["share"]["value"] or 0 for cell in own]
    largest = max(shares) or 1.0
    bands = [
        Band(
            name,
            LINE * k,
            LINE * k + 16,
            _bar(by_place.get((sexes[0], name)), largest, is_left=True),
            _bar(by_place.get((sexes[1], name)), largest, is_left=False),
        )
        for k, name in enumerate(ages)
    ]
    return Pyramid(sexes, bands, largest, (sex, age))


def _is_pair(names: tuple[str, ...]) -> bool:
    lower = {name.lower() for name in names}
    return len(names) == 2 and bool(lower & SEXES) and bool(lower & AGES)


def _two_largest(cells: list[Row], sex: str) -> tuple[str, str] | None:
    size: dict[str, float] = {}
    for cell in cells:
        size[cell["attributes"][sex]] = size.get(cell["attributes"][sex], 0) + (
            cell["target_share"] or 0
        )
    largest = sorted(size, key=lambda name: -size[name])[:2]
    if len(largest) < 2:
        return None
    first, second = (name for name in size if name in largest)
    return first, second


def _bar(cell: Row | None, largest: float, *, is_left: bool) -> Bar | None:
    """The bar of one cell; none where the reader may not know its share."""
    if cell is None or cell["share"]["value"] is None:
        return None
    width = round(HALF * cell["share"]["value"] / largest, 1)
    target = round(HALF * (cell["target_share"] or 0) / largest, 1)
    middle = HALF + GAP
    title = _("%(who)s: %(share)s %% of the data, %(target)s %% of the target, n = %(n)s") % {
        "who": ", ".join(str(value) for value in cell["attributes"].values()),
        "share": localized(f"{100 * cell['share']['value']:.1f}"),
        "target": localized(f"{100 * (cell['target_share'] or 0):.1f}"),
        "n": localized(f"{cell['n']:,}"),
    }
    if is_left:
        return Bar(round(HALF - width, 1), width, round(HALF - target, 1), target, title)
    return Bar(middle, width, middle, target, title)
