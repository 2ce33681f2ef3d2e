"""What a novelty run may be told, and what it is about. Imports no statistics."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from catalog.models import Attribute, Dataset
from catalog.problems import Refusal
from predictions.models import FeatureSet, FeatureVector, ModelVersion, Prediction
from predictions.queries import find_model, models_with_predictions

METHODS = ("knn", "mahalanobis", "isolation_forest")
DEFAULTS: dict[str, Any] = {
    "features": None,
    "model": None,
    "reference": None,
    "methods": list(METHODS),
    "k": 5,
    "standardise": True,
    "novel_below": 0.05,
    "confident_from": 0.9,
    "max_reference": 10_000,
    "min_items": 20,
    "n_replicates": 1000,
    "ci_level": 0.95,
}
WHOLE: dict[str, tuple[int, int]] = {
    "k": (1, 1000),
    "max_reference": (20, 200_000),
    "min_items": (1, 1_000_000),
    "n_replicates": (1, 5000),
}
FRACTIONS: dict[str, tuple[float, float]] = {
    "novel_below": (0.0001, 0.5),
    "confident_from": (0, 1),
    "ci_level": (0.5, 0.9999),
}
#: The split that a model was fitted on, where a column of that name says so.
TRAIN = "train"
PREDICTIONS_SPLIT = f"predictions.split={TRAIN}"
AFTER = (None, "features", "predictions", "items", "reference-labels")


@dataclass(frozen=True)
class Reference:
    """Which items are the reference: those of a value of an attribute, or a model's own."""

    said: str

    @property
    def by_predictions(self) -> bool:
        """Whether the rows of the predictions say so."""
        return self.said == PREDICTIONS_SPLIT

    @property
    def attribute(self) -> tuple[str, str]:
        """The item attribute and its value."""
        name, _, value = self.said.removeprefix("items.").partition("=")
        return name, value


def features_of(dataset: Dataset, said: Any) -> FeatureSet:
    """The feature set that a client named, or the data set's only one.

    Raises
    ------
    Refusal
        When there is no such set, or several and none was named.
    """
    sets = {one.name: one for one in FeatureSet.objects.filter(dataset=dataset)}
    if said is None and len(sets) == 1:
        return next(iter(sets.values()))
    if isinstance(said, str) and said in sets:
        return sets[said]
    have = f"it has: {', '.join(sets)}" if sets else "it has none yet; POST to uploads/features/"
    what = "no features= was sent" if said is None else f"there is no feature set {said!r}"
    raise Refusal(
        f"For the data set {dataset.slug!r} {what}; {have}.",
        code="unknown_features",
        pointer="features",
    )


def model_beside(dataset: Dataset, said: Any) -> ModelVersion | None:
    """The model that a client named, else the only one that predicted anything, if any did.

    Raises
    ------
    Refusal
        When there is no such model, or several predicted and none was named.
    """
    if isinstance(said, str) and (found := find_model(dataset, said)) is not None:
        return found
    predicted = models_with_predictions(dataset)
    if said is None and len(predicted) < 2:
        return predicted[0] if predicted else None
    what = "no model= was sent" if said is None else f"there is no model {said!r}"
    raise Refusal(
        f"The data set {dataset.slug!r} must know whose confidence to look at: {what}; it has: "
        f"{', '.join(model.key for model in predicted) or 'none with predictions'}.",
        code="unknown_model",
        pointer="model",
    )


def subject_of(features: FeatureSet, model: ModelVersion | None) -> str:
    """What a novelty result is about."""
    return features.name if model is None else f"{features.name} {model.key}"


def resolve(dataset: Dataset, parameters: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The subject and all parameters of a run, the reference as it will be taken among them."""
    if unknown := sorted(set(parameters) - set(DEFAULTS)):
        raise Refusal(
            f"A novelty run has no parameter {unknown[0]!r}; it has {', '.join(DEFAULTS)}.",
            code="unknown_parameter",
            pointer=f"/parameters/{unknown[0]}",
        )
    full = {**DEFAULTS, **parameters}
    for name in (*WHOLE, *FRACTIONS):
        _check(name, full[name])
    if not isinstance(full["standardise"], bool):
        raise _refused("standardise", "true or false", full["standardise"])
    full["methods"] = _methods(full["methods"])
    features = features_of(dataset, full["features"])
    model = model_beside(dataset, full["model"])
    full["features"] = features.name
    full["model"] = None if model is None else model.key
    full["reference"] = _reference(dataset, model, full["reference"])
    return subject_of(features, model), full


def _check(name: str, given: Any) -> None:
    whole = name in WHOLE
    low, high = WHOLE[name] if whole else FRACTIONS[name]
    is_number = isinstance(given, int if whole else (int, float)) and not isinstance(given, bool)
    if not is_number or not low <= given <= high:
        what = "a whole number" if whole else "a fraction"
        raise _refused(name, f"{what} from {low} to {high:,}", given)


def _methods(given: Any) -> list[str]:
    fits = isinstance(given, list) and given and all(one in METHODS for one in given)
    if not fits or len(set(given)) != len(given):
        raise _refused("methods", f"a list of {', '.join(METHODS)}, each once", given)
    return [method for method in METHODS if method in given]


def _refused(name: str, what: str, given: Any) -> Refusal:
    return Refusal(f"{name} must be {what}; it is {given!r}.", pointer=f"/parameters/{name}")


def _reference(dataset: Dataset, model: ModelVersion | None, said: Any) -> str | None:
    """What was stated: by the sender, by the items' column split, or by that of the predictions."""
    if said is not None:
        return _stated(dataset, model, said)
    if TRAIN in _values(dataset, "split"):
        return f"items.split={TRAIN}"
    return PREDICTIONS_SPLIT if model is not None and _has_train(model) else None


def _stated(dataset: Dataset, model: ModelVersion | None, said: Any) -> str:
    if said == PREDICTIONS_SPLIT and model is not None:
        return PREDICTIONS_SPLIT
    if isinstance(said, str) and said.startswith("items.") and "=" in said:
        name, value = Reference(said).attribute
        values = _values(dataset, name)
        if value in values:
            return said
        known = ", ".join(values[:10]) or "no such attribute, or none with values"
        raise _refused("reference", f"a value that attribute {name!r} has ({known})", said)
    raise _refused("reference", f"items.ATTRIBUTE=VALUE, or {PREDICTIONS_SPLIT} of a model", said)


def _values(dataset: Dataset, name: str) -> list[str]:
    found = Attribute.objects.filter(dataset=dataset, of=Attribute.Of.ITEM, name=name).first()
    return [] if found is None else [str(value) for value in found.domain]


def _has_train(model: ModelVersion) -> bool:
    return Prediction.objects.filter(model=model, split=Prediction.Split.TRAIN).exists()


def standard(dataset: Dataset, upload_kind: str | None) -> Iterator[dict[str, Any]]:
    """After anything came in that it looks at: each feature set, beside each model."""
    if upload_kind not in AFTER:
        return
    models: list[ModelVersion | None] = [*models_with_predictions(dataset)]
    for features in FeatureSet.objects.filter(dataset=dataset):
        if FeatureVector.objects.filter(features=features).exists():
            for model in models or [None]:
                yield {
                    "features": features.name,
                    **({} if model is None else {"model": model.key}),
                }
