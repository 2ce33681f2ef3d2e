"""A file sent from a page: what the form asks for, and what is told of a file that was sent."""

from __future__ import annotations

import json
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from audits import frames, queries
from catalog import kinds, quotas, remembering
from catalog.access import RIGHTS, May
from catalog.api.bodies import HEAD
from catalog.api.describing import described, receive
from catalog.api.uploads import remembered_columns
from catalog.ingest import receiving
from catalog.models import Dataset, Upload
from catalog.problems import Refusal
from catalog.reading.columns import EXPORTS

TOLD = 50
#: What each kind is about, in the order in which a data set is usually filled.
KINDS = {
    "labels": _("What annotators said: item, annotator, label"),
    "items": _("Items with their attributes and group"),
    "annotators": _("Annotators with their attributes"),
    "reference-labels": _("What is taken as correct: item, label"),
    "population": _("Whom the data set should represent: attributes, weight"),
    "predictions": _("What a model says: item, one column p_<class> for each class"),
    "features": _("A vector of numbers for each item"),
}
#: Parameters that are lists of names, or pairs of ours and theirs; a person writes a line each.
PAIRS = ("columns", "questions", "gold")
FIELDS = (
    *("format", "question", "model", "population", "features", "delimiter", "decimal", "timezone"),
    *("columns", "ignore", "mode", "orientation", "annotator", "questions", "attributes", "gold"),
)
FORMATS = {
    "wide": _("a wide table"),
    "dices": _("a table with the annotators' attributes (DICES)"),
    "labelstudio": "Label Studio, JSON",
    "labelstudio-min": "Label Studio, JSON_MIN",
    "labelstudio-csv": "Label Studio, CSV",
    "prodigy": "Prodigy, JSONL",
    "doccano": "doccano, JSONL",
    "argilla": "Argilla",
    "lewidi": "LeWiDi, JSON",
}
_OF_KIND = {"annotators": ("lewidi",), "labels": EXPORTS}


class ChosenFile:
    """A file of a form, as the catalog takes files in."""

    def __init__(self, file: UploadedFile[Any]) -> None:
        self._file = file
        self.name, self.content_type = file.name or "", file.content_type or ""
        self.head: bytes = file.read(HEAD)
        file.seek(0)

    def keep(self) -> tuple[str, int]:
        """Store the bytes under their SHA-256; answers that and how many there are."""
        size = self._file.size or 0
        return receiving.keep(self._file, size, {}), size


def kinds_of(role: str) -> dict[str, Any]:
    """The kinds of file that a role may send, with what each is."""
    known = kinds.upload_kinds()
    all_kinds = May.UPLOAD in RIGHTS[role]
    return {name: told for name, told in KINDS.items() if all_kinds or known[name].contributor_may}


def form_page(dataset: Dataset, role: str, kind: str, said: dict[str, str]) -> dict[str, Any]:
    """The form for one kind of file; ``said`` fills it."""
    subject = kinds.upload_kinds()[kind].subject_parameter
    offered = _as_lines(remembering.parameters_of(remembering.remembered(dataset, kind)))
    return {
        "current": "import",
        "kinds": list(kinds_of(role).items()),
        "kind": kind,
        "subject": subject,
        "subjects": _subjects(dataset, subject),
        "formats": [("", _("a plain table")), *((f, FORMATS[f]) for f in _OF_KIND.get(kind, ()))],
        "said": said,
        "offered": offered,
        "is_offered": bool(offered) and any(said.get(n) != v for n, v in offered.items()),
    }


def _subjects(dataset: Dataset, parameter: str | None) -> list[str]:
    """What a file of this kind can be about, by the names that the parameter takes."""
    kind = next((kind for kind, name in frames.PARAMETER.items() if name == parameter), None)
    return [] if kind is None else queries.subjects_of(dataset, kind)


def send(request: HttpRequest, dataset: Dataset, kind: str) -> Upload:
    """Take in the file of the form, to be read and checked without storing anything."""
    file = request.FILES.get("file")
    if not isinstance(file, UploadedFile):
        raise Refusal("No file arrived whole; choose one, and send it again.", code="file_required")
    quotas.spend("uploads", request.user.pk)
    query = {"dry_run": "1", **parameters(said_in(request))}
    upload = described(request, dataset, kinds.upload_kinds()[kind], query)
    return receive(upload, kinds.upload_kinds()[kind], ChosenFile(file))


def said_in(request: HttpRequest) -> dict[str, str]:
    """What the form says, as it was written."""
    found = {name: request.POST.get(name, "").strip() for name in FIELDS}
    return {name: value for name, value in found.items() if value}


def parameters(said: dict[str, str]) -> dict[str, str]:
    """The form's fields as the parameters of the REST API: ``ours = theirs`` becomes JSON."""
    return {name: _pairs(value) if name in PAIRS else value for name, value in said.items()}


def _pairs(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if text.startswith("{") or not any("=" in line for line in lines):
        return ",".join(lines)
    pairs = (line.partition("=") for line in lines)
    return json.dumps({ours.strip(): theirs.strip() for ours, _, theirs in pairs})


def send_again(request: HttpRequest, upload: Upload, action: str) -> Upload:
    """Store a file that was checked, or check it as the last one was read; its bytes are here."""
    if not receiving.path_of(upload.sha256).is_file():
        raise Refusal("The bytes of this file are not kept any more; send it again.")
    quotas.spend("uploads", request.user.pk)
    last = remembering.remembered(upload.dataset, upload.kind) if action == "like_last" else {}
    again = Upload(
        dataset=upload.dataset,
        kind=upload.kind,
        subject=upload.subject,
        file_name=upload.file_name,
        options={**upload.options, **last},
        on_error=Upload.OnError.SKIP if action == "skip" else Upload.OnError.REJECT,
        dry_run=action == "like_last",
        mode=upload.mode,
        sha256=upload.sha256,
        size=upload.size,
        uploaded_by_id=request.user.pk,
    )
    return receiving.record(again)


def told_page(role: str, upload: Upload) -> dict[str, Any]:
    """What became of a file, and what can be done next."""
    refused = upload.state == Upload.State.REJECTED
    return {
        "current": "import",
        "upload": upload,
        "is_open": upload.finished_at is None,
        "problems": upload.problems[:TOLD],
        "read_back": [w for w in upload.warnings if w["code"] == "export_read"],
        "notices": [w for w in upload.warnings if w["code"] != "export_read"],
        "may_store": upload.dry_run and upload.state == Upload.State.STORED,
        "may_skip": refused and upload.rows_read > _rows_with_problems(upload),
        "may_undo": upload.state == Upload.State.STORED
        and not upload.dry_run
        and upload.version is not None
        and May.UPLOAD in RIGHTS[role],
        "offered": _as_lines(remembered_columns(upload).get("remembered", {})),
    }


def _as_lines(offered: dict[str, str]) -> dict[str, str]:
    """Parameters as a person writes them into the form: pairs a line each."""
    return {
        name: "\n".join(f"{ours} = {theirs}" for ours, theirs in json.loads(value).items())
        if value.startswith("{")
        else value
        for name, value in offered.items()
    }


def _rows_with_problems(upload: Upload) -> int:
    """How many rows have a problem at least; of problems of the file as a whole, all."""
    lines = {problem["line"] for problem in upload.problems}
    whole = lines & {None, 1} and upload.options.get("format") not in ("json", "ndjson")
    return upload.rows_read if whole else len(lines)
