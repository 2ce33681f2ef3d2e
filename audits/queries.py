"""What the pages and the trust card read: newest finished results, counts, uploads and runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import (
    BooleanField,
    F,
    Func,
    JSONField,
    Max,
    OuterRef,
    QuerySet,
    Subquery,
    Sum,
    Value,
)

from annotations.models import Label
from audits.verdicts import Verdict, verdict_of
from catalog.access import User, datasets_of
from catalog.models import Annotator, Dataset, Membership, ProfileCount, Question, Run, Upload
from catalog.queries import own_keys
from catalog.sizes import Size, size_of
from coverage.models import Population
from predictions.models import ModelVersion, Prediction

KINDS = ("agreement", "coverage", "calibration")
LISTED = 10


@dataclass(frozen=True)
class Brief:
    """A newest finished result, as far as lights and verdicts need it."""

    dataset_id: int
    kind: str
    subject: str
    run_id: Any
    version: int
    finished_at: datetime
    verdict: Verdict
    is_outdated: bool


@dataclass(frozen=True)
class Counts:
    """How much of everything a data set has."""

    items: Size
    annotators: Size
    labels: Size
    predictions: Size

    @property
    def are_exact(self) -> bool:
        sizes = (self.items, self.annotators, self.labels, self.predictions)
        return all(size.is_exact for size in sizes)


def listed_datasets(user: User) -> QuerySet[Dataset]:
    """The data sets of a user, each with the time of its last stored upload."""
    stored = Upload.objects.filter(
        dataset=OuterRef("pk"), state=Upload.State.STORED, dry_run=False
    ).order_by("-received_at")
    return datasets_of(user).annotate(
        last_upload=Subquery(stored.values("finished_at")[:1]),
        role=Subquery(
            Membership.objects.filter(dataset=OuterRef("pk"), user_id=user.pk).values("role")[:1]
        ),
    )


def counts_of(dataset: Dataset) -> Counts:
    """How many items, annotators, labels and predictions; millions of rows are estimated.

    Items are counted by profile as they are stored. Their numbers would not say: withdrawn items
    leave gaps.
    """
    items = ProfileCount.objects.filter(dataset=dataset).aggregate(n=Sum("n"))["n"]
    annotators = Annotator.objects.filter(pk__range=own_keys(dataset.pk)).count()
    questions = list(dataset.questions.values_list("pk", flat=True))
    models = list(ModelVersion.objects.filter(dataset=dataset).values_list("pk", flat=True))
    return Counts(
        items=Size(items or 0, is_exact=True),
        annotators=Size(annotators, is_exact=True),
        labels=size_of(Label.objects.filter(question_id__in=questions).values("round")),
        predictions=size_of(Prediction.objects.filter(model_id__in=models).values("fold")),
    )


def subjects_of(dataset: Dataset, kind: str) -> list[str]:
    """The questions, populations or models of a data set, in order."""
    if kind == "agreement":
        return list(dataset.questions.order_by("name").values_list("name", flat=True))
    if kind == "coverage":
        populations = Population.objects.filter(dataset=dataset)
        return list(populations.order_by("name").values_list("name", flat=True))
    return [model.key for model in ModelVersion.objects.filter(dataset=dataset)]


def _path(path: str, *, exists: bool = False, of: str = "result") -> Func:
    function = "jsonb_path_exists" if exists else "jsonb_path_query_array"
    return Func(
        F(of),
        Value(path),
        template=f"{function}(%(expressions)s::jsonpath)",
        output_field=BooleanField() if exists else JSONField(),
    )


BRIEFS: dict[str, dict[str, Any]] = {
    "agreement": {"alpha": F("result__coefficients__krippendorff_alpha")},
    "coverage": {
        "distance": F("result__overall__total_variation"),
        "statuses": _path("$.attributes.*[*].status"),
        "hidden": _path('$.cells[*] ? (@.status == "gap")', exists=True),
    },
    "calibration": {
        "error": F("result__ece__uniform_15"),
        "by_chance": F("result__ece_if_calibrated__uniform_15"),
        "test": F("result__tests__cox__test"),
        "detectable": F("result__tests__detectable"),
    },
}


Asked = dict[tuple[str, str], int]


def asked_for(dataset: Dataset) -> Asked:
    """The newest version at which each result was asked for, whatever came of it.

    A result is out of date when it was asked for again at a later version: every upload and
    changed definition asks again for what it affects. That the data set has a later version
    says less, since predictions do not touch agreement.
    """
    rows = dataset.runs.order_by().values("kind", "subject").annotate(newest=Max("version"))
    return {(row["kind"], row["subject"]): row["newest"] for row in rows}


def briefs_of(dataset: Dataset, kinds: tuple[str, ...] = KINDS) -> list[Brief]:
    """The newest finished result about each question, population and model that still exists."""
    asked = asked_for(dataset)
    return [brief for kind in kinds for brief in _briefs(dataset, kind, asked)]


def _briefs(dataset: Dataset, kind: str, asked: Asked) -> list[Brief]:
    subjects = subjects_of(dataset, kind)
    if not subjects:
        return []
    fields = BRIEFS[kind]
    # In two steps, so that JSON is taken apart for the newest result only, not for all.
    newest = newest_runs(dataset, kind, subjects).values("pk")
    rows = (
        Run.objects.filter(pk__in=newest)
        .order_by("subject")
        .annotate(**{f"brief_{name}": value for name, value in fields.items()})
        .values("pk", "subject", "version", "finished_at", *(f"brief_{name}" for name in fields))
    )
    return [
        Brief(
            dataset.pk,
            kind,
            row["subject"],
            row["pk"],
            row["version"],
            row["finished_at"],
            verdict_of(kind, {name: row[f"brief_{name}"] for name in fields}),
            asked[kind, row["subject"]] > row["version"],
        )
        for row in rows
    ]


def newest_runs(dataset: Dataset, kind: str, subjects: list[str]) -> QuerySet[Run]:
    """The newest finished run about each subject; as ``catalog.queries.newest_result``."""
    return (
        Run.objects.filter(
            dataset=dataset, kind=kind, subject__in=subjects, state=Run.State.SUCCEEDED
        )
        .order_by("subject", "-version", "-finished_at")
        .distinct("subject")
    )


def excerpt(
    dataset: Dataset, kind: str, subject: str, paths: dict[str, str]
) -> tuple[Run | None, dict[str, Any]]:
    """The newest finished run, without its result, and lists of those parts that paths name.

    A result may hold ten thousand rows where a page shows twenty-five.
    """
    columns = {f"part_{name}": _path(path) for name, path in paths.items()}
    newest = newest_runs(dataset, kind, [subject]).values("pk")
    run = Run.objects.filter(pk__in=newest).defer("result").annotate(**columns).first()
    return run, {name: getattr(run, f"part_{name}") for name in paths} if run else {}


@dataclass(frozen=True)
class Unfinished:
    """Runs that have no result: those on their way, and those that failed."""

    pending: list[Run]
    failed: list[Run]

    def pending_for(self, kind: str, subject: str) -> Run | None:
        """A run whose result this place waits for: its own, or an upload's."""
        own = [r for r in self.pending if (r.kind, r.subject) == (kind, subject)]
        uploads = [r for r in self.pending if r.kind == "upload"]
        return next(iter(own + uploads), None)

    def failed_for(self, kind: str, subject: str, newest: Run | None) -> Run | None:
        """The last failure about a subject, unless a result came after it."""
        for run in self.failed:
            if (run.kind, run.subject) == (kind, subject):
                is_newer = newest is None or run.created_at > newest.created_at
                return run if is_newer else None
        return None


def unfinished_of(dataset: Dataset) -> Unfinished:
    """The newest hundred runs of each sort, newest first."""
    runs = dataset.runs.defer("result").order_by("-created_at")
    waiting = (Run.State.WAITING, Run.State.RUNNING)
    return Unfinished(
        list(runs.filter(state__in=waiting)[:100]),
        list(runs.filter(state=Run.State.FAILED).exclude(kind="upload")[:100]),
    )


def last_uploads(dataset: Dataset, user: User, *, own: bool) -> list[Upload]:
    """The last ten uploads, without their problems; a contributor sees only their own."""
    rows = dataset.uploads.select_related("uploaded_by", "withdrawn_by").defer(
        "problems", "warnings"
    )
    if own:
        rows = rows.filter(uploaded_by_id=user.pk)
    return list(rows[:LISTED])


def last_runs(dataset: Dataset) -> list[Run]:
    """The last ten computations, without their results."""
    return list(dataset.runs.exclude(kind="upload").defer("result")[:LISTED])


def uploads_of(dataset: Dataset, user: User, *, own: bool, n_problems: int) -> QuerySet[Upload]:
    """The uploads, newest first, each with its first problems; a contributor's are their own."""
    rows = dataset.uploads.select_related("uploaded_by", "withdrawn_by")
    rows = rows.defer("problems", "warnings")
    if own:
        rows = rows.filter(uploaded_by_id=user.pk)
    return rows.annotate(told=_path(f"$[0 to {n_problems - 1}]", of="problems")).order_by(
        "-received_at", "pk"
    )


def runs_of(dataset: Dataset, state: str) -> QuerySet[Run]:
    """The computations, newest first, without their results; in one state, or in any."""
    rows = dataset.runs.exclude(kind="upload").select_related("requested_by").defer("result")
    if state:
        rows = rows.filter(state=state)
    return rows.order_by("-created_at", "pk")


def novelty_subjects(dataset: Dataset, model: str) -> list[str]:
    """What finished novelty results beside a model are about: its sets of features, in order."""
    rows = dataset.runs.filter(kind="novelty", parameters__model=model, state=Run.State.SUCCEEDED)
    return list(rows.order_by("subject").values_list("subject", flat=True).distinct())


def first_question(dataset: Dataset) -> Question | None:
    """A question to show in an example."""
    return dataset.questions.order_by("name").first()
