"""Checks that every serializer shares."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

_TYPES: tuple[tuple[type[serializers.Field[Any, Any, Any, Any]], tuple[type, ...], str], ...] = (
    (serializers.BooleanField, (bool,), "true or false"),
    (serializers.IntegerField, (int,), "an integer"),
    (serializers.FloatField, (int, float), "a number"),
    (serializers.CharField, (str, int, float), "a text"),
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
        """JSON has types: ``true`` is no 1, and ``"12"``, in whatever digits, is no number."""
        wrong = {}
        for name, value in data.items():
            for kind, allowed, word in _TYPES:
                if isinstance(self.fields[name], kind) and not _is_one_of(value, allowed):
                    detail = f"This must be {word}; it is {value!r:.80}."
                    wrong[name] = serializers.ErrorDetail(detail, code="type")
        if wrong:
            raise serializers.ValidationError(wrong)


def _is_one_of(value: Any, allowed: tuple[type, ...]) -> bool:
    if value is None or isinstance(value, bool):
        return value is None or bool in allowed
    return isinstance(value, allowed)


class StrictModelSerializer(StrictSerializer, serializers.ModelSerializer[Any]):
    """As :class:`StrictSerializer`, for a model; services write, serializers only check."""
