"""Ensembles over REST."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema, extend_schema_view

from predictions.ensembles_serializers import EnsemblesSerializer
from predictions.results_api import MODEL, ModelResultTable, ModelResultView, keyed


@extend_schema_view(get=extend_schema(operation_id="ensembles_retrieve", parameters=[MODEL]))
class EnsemblesView(ModelResultView):
    """What the members of an ensemble agree on, and what each is worth: the newest result."""

    kind = "ensembles"
    serializer_class = EnsemblesSerializer


class EnsemblesTable(ModelResultTable):
    """One table of the newest ensembles result: uncertainty, members, sizes or subgroups."""

    kind = "ensembles"
    tables = {
        "uncertainty": lambda result: keyed("kind", result["uncertainty"]),
        "ambiguity": lambda result: keyed("term", result["ambiguity"]),
        "members": lambda result: result["members"],
        "sizes": lambda result: result["sizes"],
        "subgroups": lambda result: result["subgroups"],
    }
