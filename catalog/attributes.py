"""What an attribute's definition must hold to, whoever sends it."""

from __future__ import annotations

from catalog.ingest.bands import parse_bands
from catalog.models import Attribute
from catalog.problems import Refusal

MAX_VALUES = 1000
_COLUMNS = {
    Attribute.Of.ITEM: {"item": "names the item", "group": "says which items belong together"},
    Attribute.Of.ANNOTATOR: {"annotator": "names the annotator"},
}
"""Columns of a file about items or annotators that are no attribute, whatever is declared."""


def check_attribute(attribute: Attribute) -> None:
    """Refuse an attribute whose bands, parents or role contradict themselves.

    Raises
    ------
    Refusal
        Names the field, the value and what to do.
    """
    if meaning := _COLUMNS.get(Attribute.Of(attribute.of), {}).get(attribute.name):
        raise Refusal(
            f"An attribute of {attribute.of}s cannot be called {attribute.name!r}: in their files "
            f"that is the column that {meaning}. Choose another name, and say which column holds "
            'it with columns={"the name": "the column"} when you send a file.',
            code="reserved_name",
            pointer="/name",
        )
    if len(attribute.domain) > MAX_VALUES:
        raise Refusal(
            f"Attribute {attribute.name!r} has {len(attribute.domain):,} values, more than the "
            f"{MAX_VALUES:,} that subgroups can have; group them, or declare bands of a number.",
            code="too_many_categories",
            pointer="/bands" if attribute.bands else "/values",
        )
    if attribute.bands:
        try:
            parse_bands([str(band) for band in attribute.bands])
        except ValueError as error:
            raise Refusal(str(error), code="bands", pointer="/bands") from None
    _check_mapping(attribute)
    _check_parents(attribute)
    _check_role(attribute)


def _check_mapping(attribute: Attribute) -> None:
    values = [str(value) for value in attribute.domain]
    known = {*values, *(str(code) for code in attribute.missing_codes)}
    for source, target in attribute.mapping.items():
        if source in values:
            sentence = f"{source!r} is a value of {attribute.name!r} and cannot mean another one."
        elif target in attribute.mapping:
            sentence = f"{source!r} means {target!r}, which is mapped itself; map it in one step."
        elif values and target not in known:
            sentence = (
                f"{source!r} means {target!r}, which is no value of {attribute.name!r}; the "
                f"values are: {', '.join(values[:10])}."
            )
        else:
            continue
        raise Refusal(f"{sentence}", code="mapping", pointer="/mapping")


def groups_of(attribute: Attribute) -> dict[str, list[str]]:
    """The members of each group of values, from the parent of each member.

    Returns
    -------
    dict of str to list of str
        Members are values or other groups, in the order in which they were declared.
    """
    groups: dict[str, list[str]] = {}
    for member, group in attribute.parents.items():
        groups.setdefault(str(group), []).append(str(member))
    return groups


def _check_parents(attribute: Attribute) -> None:
    parents = attribute.parents
    values = [str(value) for value in attribute.domain]
    groups = set(parents.values())
    if clash := sorted(groups & set(values)):
        _refuse(f"{clash[0]!r} is a value and cannot be a group of values too; rename the group.")
    unknown = sorted(set(parents) - groups - set(values)) if attribute.domain else []
    if unknown:
        _refuse(
            f"{unknown[0]!r} has a parent and is neither a value of {attribute.name!r} nor a "
            f"group; the values are: {', '.join(values[:10])}."
        )
    for member in parents:
        path = [member]
        while path[-1] in parents:
            path.append(parents[path[-1]])
            if path[-1] in path[:-1]:
                _refuse(f"the parents go round in a circle: {' > '.join(path)}.")


def _refuse(detail: str) -> None:
    raise Refusal(f"The parents cannot be used: {detail}", code="parents", pointer="/parents")


def _check_role(attribute: Attribute) -> None:
    if attribute.role != Attribute.Role.DESIGN_WEIGHT:
        return
    if attribute.of != Attribute.Of.ITEM or attribute.kind != Attribute.Kind.NUMERIC:
        raise Refusal(
            "A design weight is a numeric attribute of items; send of item and kind numeric.",
            pointer="/role",
        )
    others = Attribute.objects.filter(
        dataset=attribute.dataset, role=Attribute.Role.DESIGN_WEIGHT
    ).exclude(pk=attribute.pk)
    if other := others.first():
        raise Refusal(
            f"{other.name!r} is the design weight already; an item has one.", pointer="/role"
        )
