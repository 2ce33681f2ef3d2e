"""The kinds of file that the catalog itself takes: items, annotators, reference labels."""

from __future__ import annotations

from catalog import kinds
from catalog.ingest import bearers, references
from catalog.models import Annotator, Dataset, Item, Question, ReferenceLabel, Upload
from catalog.problems import Refusal
from catalog.reading.columns import Column, Kind, Layout


def mapping_of(upload: Upload) -> dict[str, str]:
    """Our column names to the file's, where the sender said so."""
    return dict(upload.options.get("columns", {}))


def without(upload: Upload, layout: Layout) -> Layout:
    """The layout with the columns that the sender wants left out declared as free text."""
    read = {column.name for column in layout.columns}
    if spared := [name for name in upload.options.get("ignore", []) if name in read]:
        raise ValueError(
            f"ignore= names {spared[0]!r}, a column that is read here; only further columns can be "
            "left out. Rename it in the file, or map another one with columns=."
        )
    ignored = tuple(Column(name, Kind.TEXT) for name in upload.options.get("ignore", []))
    return Layout((*layout.columns, *ignored), extra=layout.extra, mapping=layout.mapping)


def question_of(dataset: Dataset, name: str | None, pointer: str = "question") -> str:
    """The question's name; the data set's only one where the sender named none."""
    names = list(dataset.questions.order_by("name").values_list("name", flat=True))
    if name is None and len(names) == 1:
        return str(names[0])
    if name in names:
        return str(name)
    have = f"it has: {', '.join(names)}" if names else "it has none yet; POST to questions/ first"
    said = "no question= was sent" if name is None else f"there is no question {name!r}"
    raise Refusal(
        f"For the data set {dataset.slug!r} {said}; {have}.",
        code="unknown_question",
        pointer=pointer,
    )


def no_subject(dataset: Dataset, name: str | None) -> str:
    """For files that belong to the data set as a whole."""
    return ""


def register() -> None:
    """Make the catalog's own kinds of file known."""
    for model, of, bare in (
        (Item, "item", ("profile_id", '"group"', "numbers")),
        (Annotator, "annotator", ("profile_id",)),
    ):
        table = model._meta.db_table
        kinds.register_kept(kinds.KeptTable(of, table, "id", "t.dataset_id = %s", bare))
    references_of = (
        f"FROM {ReferenceLabel._meta.db_table} r JOIN {Question._meta.db_table} q "
        "ON q.id = r.question_id WHERE q.dataset_id = %s"
    )
    kinds.register_kept(
        kinds.KeptTable(
            "reference",
            ReferenceLabel._meta.db_table,
            "item_id",
            f"t.question_id IN (SELECT id FROM {Question._meta.db_table} "  # noqa: S608
            "WHERE dataset_id = %s)",
        ),
        kinds.Mention("item", f"SELECT r.item_id {references_of}"),
        kinds.Mention("question", f"SELECT r.question_id {references_of}"),
    )
    kinds.register_upload(
        kinds.UploadKind(
            name="items",
            check_subject=no_subject,
            layout=lambda upload: without(
                upload, bearers.layout("item", with_group=True, mapping=mapping_of(upload))
            ),
            store=bearers.store_items,
        )
    )
    kinds.register_upload(
        kinds.UploadKind(
            name="annotators",
            check_subject=no_subject,
            layout=lambda upload: without(
                upload, bearers.layout("annotator", with_group=False, mapping=mapping_of(upload))
            ),
            store=bearers.store_annotators,
        )
    )
    kinds.register_upload(
        kinds.UploadKind(
            name="reference-labels",
            subject_parameter="question",
            check_subject=question_of,
            layout=lambda upload: without(upload, references.layout(mapping_of(upload))),
            store=references.store_references,
        )
    )
