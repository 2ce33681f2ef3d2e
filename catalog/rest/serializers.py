"""Checks that every serializer shares."""

from __future__ import annotations

import json
from typing import Any

from rest_framework import serializers


class ValueField(serializers.CharField):
    """A value of a question or an attribute; a number is taken as it is written."""


# The first that a field is of, since fields are built upon each other.
_TYPES: tuple[tuple[type[serializers.Field[Any, Any, Any, Any]], tuple[type, ...], str], ...] = (
    (serializers.BooleanField, (bool,), "true or false"),
    (serializers.IntegerField, (int,), "an integer"),
    (serializers.FloatField, (int, float), "a number"),
    (ValueField, (str, int, float), "a text or a number"),
    (serializers.CharField, (str,), "a text"),
    (serializers.ListField, (list,), "a list"),
    (serializers.DictField, (dict,), "an object"),
)


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses fields that it does not know, or that only the service writes."""

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        for field in fields.values():
            if isinstance(field, serializers.ChoiceField):
                names = ", ".join(str(choice) for choice in field.choices)
                told = f"This must be one of {names}; it is {{input!r:.80}}."
                field.error_messages = {**field.error_messages, "invalid_choice": told}
        return fields

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            writable = {name for name, field in self.fields.items() if not field.read_only}
            if unknown := sorted(set(data) - writable):
                raise serializers.ValidationError(
                    {
                        name: serializers.ErrorDetail(
                            f"This field is not one that can be sent; those are: "
                            f"{', '.join(sorted(writable))}.",
                            code="unknown_field",
                        )
                        for name in unknown
                    }
                )
            self._check_types(data)
        return super().to_internal_value(data)

    def _check_types(self, data: dict[str, Any]) -> None:
        """JSON has types: ``true`` is no 1, ``5`` no text, and ``"12"`` no number."""
        faults = {name: _type_fault(self.fields[name], value) for name, value in data.items()}
        if wrong := {name: fault for name, fault in faults.items() if fault}:
            raise serializers.ValidationError(wrong)


def _type_fault(field: Any, value: Any) -> Any:
    """That a value, or one inside it, is of another type than its field; else ``None``."""
    found = next((row for row in _TYPES if isinstance(field, row[0])), None)
    if found is None or value is None:
        return None
    _, allowed, word = found
    if type(value) not in allowed:
        shown = json.dumps(value, ensure_ascii=False)
        return serializers.ErrorDetail(f"This must be {word}; it is {shown:.80}.", code="type")
    if not isinstance(value, list | dict):
        return None
    parts = value.items() if isinstance(value, dict) else enumerate(value)
    faults = {place: _type_fault(field.child, part) for place, part in parts}
    return {place: fault for place, fault in faults.items() if fault} or None


class StrictModelSerializer(StrictSerializer, serializers.ModelSerializer[Any]):
    """As :class:`StrictSerializer`, for a model; services write, serializers only check."""
