"""What a collection plan can be told: combinations that do not exist, prices, and supplies."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from catalog.models import Attribute
from coverage.pattern_parameters import refuse

Attributes = dict[str, Attribute]


def check_rules(full: dict[str, Any], attributes: Attributes) -> None:
    """Refuse a rule about attributes or values that are not there, and what is no price."""
    _check_list("impossible", full["impossible"], lambda rule: rule, attributes)
    _check_list("costs", full["costs"], lambda row: _where(row, "cost", _is_price), attributes)
    _check_list(
        "supplies", full["supplies"], lambda row: _where(row, "at_most", _is_count), attributes
    )


_EXAMPLES = {
    "impossible": '[{"age": ["0-9"], "married": ["yes"]}]',
    "costs": '[{"where": {"site": ["remote"]}, "cost": 3.5}], a cost above 0',
    "supplies": '[{"where": {"site": ["remote"]}, "at_most": 20}], a whole number',
}


def _check_list(
    name: str, given: Any, rule_of: Callable[[Any], Any], attributes: Attributes
) -> None:
    if given is None:
        return
    wanted = f"a list like {_EXAMPLES[name]}"
    if not isinstance(given, list):
        refuse(name, wanted, given)
    for row in given:
        rule = rule_of(row)
        if not (isinstance(rule, dict) and rule):
            refuse(name, wanted, row)
        for attribute, values in rule.items():
            _check_values(name, attribute, values, attributes)


def _where(row: Any, number: str, is_good: Callable[[Any], bool]) -> Any:
    """The rule of a row that has one and a good number, and nothing else."""
    fits = isinstance(row, dict) and set(row) == {"where", number} and is_good(row[number])
    return row["where"] if fits else None


def _is_price(number: Any) -> bool:
    return type(number) in (int, float) and 0 < number < float("inf")


def _is_count(number: Any) -> bool:
    return type(number) is int and number >= 0


def _check_values(name: str, attribute: Any, values: Any, attributes: Attributes) -> None:
    if attribute not in attributes:
        listed = ", ".join(attributes) or "none yet"
        refuse(name, f"about attributes that there are ({listed})", attribute)
    if not isinstance(values, list) or not values:
        refuse(name, f"with a list of values for {attribute}", values)
    known = [str(value) for value in attributes[attribute].domain]
    if unknown := _first_unknown(values, known):
        refuse(name, f"about values of {attribute} ({', '.join(known[:10])})", unknown)


def _first_unknown(values: Iterable[Any], known: list[str]) -> Any:
    return next((value for value in values if value not in known), None)
