"""What the catalog's objects look like over REST, and what may be sent of them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from catalog.models import ApiToken, Attribute, Dataset, Erasure, Membership, Question, Run
from catalog.rest.serializers import StrictModelSerializer, StrictSerializer, ValueField


class TextListField(serializers.ListField):
    """A list of texts; numbers are taken as they are written."""

    child = ValueField(max_length=255, trim_whitespace=False)


# What a data set has, in the order in which one comes to it.
BELOW_DATASET = (
    "members questions attributes features populations models uploads runs erasures "
    "agreement annotators consensus label-issues coverage calibration recalibrations confidence "
    "conformal ensembles expected-performance novelty trust-card"
)


class DatasetSerializer(StrictModelSerializer):
    role = serializers.SerializerMethodField(help_text="Your role in it.")
    links = serializers.SerializerMethodField()

    class Meta:
        model = Dataset
        fields = [
            "slug",
            "name",
            "description",
            "version",
            "min_cell",
            "created_at",
            "role",
            "links",
        ]
        read_only_fields = ["version", "created_at"]
        # The database refuses a taken slug; a look first could not see every data set.
        extra_kwargs = {
            "slug": {"validators": []},
            "name": {"required": False},
            "min_cell": {"min_value": 1},
        }

    def validate_slug(self, slug: str) -> str:
        if not all(c.isascii() and (c.isalnum() or c in "-_") for c in slug):
            raise serializers.ValidationError(
                f"{slug!r} may hold only letters, digits, '-' and '_'."
            )
        if self.instance is not None and slug != self.instance.slug:
            raise serializers.ValidationError("A slug stands in addresses and cannot be changed.")
        return slug

    def validate(self, fields: dict[str, Any]) -> dict[str, Any]:
        if self.instance is None and not fields.get("name"):
            fields["name"] = fields["slug"]
        return fields

    def get_role(self, dataset: Dataset) -> str:
        user = self.context["request"].user
        mine = [m.role for m in dataset.memberships.all() if m.user_id == user.pk]
        return mine[0] if mine else ""

    def get_links(self, dataset: Dataset) -> dict[str, str]:
        base = self.context["request"].build_absolute_uri(f"/api/v1/datasets/{dataset.slug}/")
        return {name: f"{base}{name}/" for name in BELOW_DATASET.split()}


class MembershipSerializer(StrictModelSerializer):
    user = serializers.CharField(source="user.username", max_length=150)

    class Meta:
        model = Membership
        fields = ["id", "user", "role", "annotator"]
        read_only_fields = ["id"]


class QuestionSerializer(StrictModelSerializer):
    values = TextListField(
        required=False,
        max_length=10_000,
        help_text="The allowed values in their order; left out: learned from the first upload.",
    )
    missing_codes = TextListField(required=False)

    class Meta:
        model = Question
        fields = ["id", "name", "scale", "values", "learned", "missing_codes", "tie_rule"]
        read_only_fields = ["id", "learned"]


class AttributeSerializer(StrictModelSerializer):
    values = TextListField(required=False, max_length=10_000)
    bands = TextListField(required=False, max_length=1000)
    parents = serializers.DictField(
        child=serializers.CharField(max_length=255, trim_whitespace=False), required=False
    )
    mapping = serializers.DictField(
        child=serializers.CharField(max_length=255, trim_whitespace=False), required=False
    )
    missing_codes = TextListField(required=False)

    class Meta:
        model = Attribute
        fields = [
            "id",
            "of",
            "name",
            "kind",
            "values",
            "bands",
            "mapping",
            "parents",
            "role",
            "missing_codes",
            "sensitive",
            "purpose",
            "retention",
            "declared",
        ]
        read_only_fields = ["id", "declared"]

    def validate(self, fields: dict[str, Any]) -> dict[str, Any]:
        kind = fields.get("kind", getattr(self.instance, "kind", Attribute.Kind.CATEGORICAL))
        if fields.get("bands") and kind != Attribute.Kind.NUMERIC:
            raise serializers.ValidationError(
                {"bands": "Only a numeric attribute has bands; send kind numeric, or values."}
            )
        if fields.get("values") and kind == Attribute.Kind.NUMERIC:
            raise serializers.ValidationError(
                {"values": "A numeric attribute has bands, not values."}
            )
        return fields


class ErasureRequestSerializer(StrictSerializer):
    annotator = serializers.CharField(
        max_length=255, trim_whitespace=False, help_text="The name, exactly as in the uploads."
    )


class ErasureSerializer(serializers.ModelSerializer[Erasure]):
    dataset = serializers.CharField(source="dataset.slug")
    requested_by = serializers.CharField(source="requested_by.username", default=None)

    class Meta:
        model = Erasure
        fields = ["id", "dataset", "version", "erased_at", "requested_by", "done"]
        read_only_fields = fields


class RunSerializer(serializers.ModelSerializer[Run]):
    dataset = serializers.CharField(source="dataset.slug")
    links = serializers.SerializerMethodField()

    class Meta:
        model = Run
        fields = [
            "id",
            "dataset",
            "kind",
            "subject",
            "version",
            "parameters",
            "state",
            "done",
            "total",
            "attempt",
            "failure",
            "code_version",
            "libraries",
            "created_at",
            "started_at",
            "finished_at",
            "links",
        ]
        read_only_fields = fields

    def get_links(self, run: Run) -> dict[str, str | None]:
        request = self.context["request"]
        base = f"/api/v1/datasets/{run.dataset.slug}"
        upload = f"{base}/uploads/{run.upload_id}/" if run.upload_id else None
        paths = {"self": f"{base}/runs/{run.pk}/", "cancel": f"{base}/runs/{run.pk}/cancel/"}
        links: dict[str, str | None] = {k: request.build_absolute_uri(v) for k, v in paths.items()}
        links["upload"] = upload and request.build_absolute_uri(upload)
        return links


class RunRequestSerializer(StrictSerializer):
    kind = serializers.CharField(max_length=30, help_text="agreement, coverage or calibration")
    parameters = serializers.DictField(required=False, help_text='For example {"question": "q"}.')


class TokenSerializer(StrictModelSerializer):
    id = serializers.CharField(source="token_key", read_only=True, help_text="Its first letters.")
    token = serializers.CharField(read_only=True, help_text="Shown once, when it is made.")
    days = serializers.IntegerField(
        write_only=True, required=False, min_value=1, max_value=3650, help_text="Days it lives; 90."
    )

    class Meta:
        model = ApiToken
        fields = ["id", "name", "scope", "created", "expiry", "days", "token"]
        read_only_fields = ["created", "expiry"]
        extra_kwargs = {"name": {"required": False}}


class ProblemRowSerializer(serializers.Serializer[Any]):
    line = serializers.IntegerField(allow_null=True)
    column = serializers.CharField(allow_null=True)
    value = serializers.CharField(allow_null=True)
    code = serializers.CharField()
    message = serializers.CharField()
    hint = serializers.CharField(allow_null=True)


class RowCountsSerializer(serializers.Serializer[Any]):
    read = serializers.IntegerField()
    stored = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    replaced = serializers.IntegerField()
    rejected = serializers.IntegerField()


class UploadSerializer(serializers.Serializer[Any]):
    """An upload as clients see it; the first 50 problems, and the true total."""

    id = serializers.UUIDField()
    dataset = serializers.CharField()
    kind = serializers.CharField()
    subject = serializers.CharField(help_text="The question, population or model it belongs to.")
    state = serializers.CharField(
        help_text="received, checking, stored, rejected, failed or withdrawn"
    )
    file_name = serializers.CharField()
    sha256 = serializers.CharField()
    size = serializers.IntegerField()
    dry_run = serializers.BooleanField()
    on_error = serializers.CharField()
    mode = serializers.CharField()
    rows = RowCountsSerializer()
    version = serializers.IntegerField(allow_null=True)
    problem_count = serializers.IntegerField()
    problems = ProblemRowSerializer(many=True)
    warnings = serializers.ListField(child=serializers.DictField())
    failure = serializers.CharField(allow_blank=True)
    received_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    file_erased_at = serializers.DateTimeField(allow_null=True)
    withdrawn_at = serializers.DateTimeField(allow_null=True)
    links = serializers.DictField(child=serializers.CharField())

    def _problems(self, upload: Any) -> list[dict[str, Any]]:
        """The first 50; who neither sent the file nor may read rows sees where, not what."""
        found: list[dict[str, Any]] = upload.problems[:50]
        user = self.context["request"].user
        if upload.uploaded_by_id == user.pk or self.context["sees_rows"]:
            return found
        hidden = {"value": None, "hint": None, "message": "Told to the sender and to managers."}
        return [{**problem, **hidden} for problem in found]

    def to_representation(self, upload: Any) -> dict[str, Any]:
        request = self.context["request"]
        base = f"/api/v1/datasets/{upload.dataset.slug}/uploads/{upload.pk}/"
        plain = (
            "kind subject state file_name sha256 size dry_run on_error mode version problem_count "
            "warnings failure received_at finished_at file_erased_at withdrawn_at"
        )
        counts = ("read", "stored", "unchanged", "replaced", "rejected")
        return {
            "id": str(upload.pk),
            "dataset": upload.dataset.slug,
            **{name: getattr(upload, name) for name in plain.split()},
            "rows": {name: getattr(upload, f"rows_{name}") for name in counts},
            "problems": self._problems(upload),
            "links": {
                "self": request.build_absolute_uri(base),
                "problems": request.build_absolute_uri(f"{base}problems.csv"),
                "runs": request.build_absolute_uri(
                    f"/api/v1/datasets/{upload.dataset.slug}/runs/?upload={upload.pk}"
                ),
            },
        }
