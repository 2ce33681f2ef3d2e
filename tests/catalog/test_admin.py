"""The admin: every stored row can be found and followed; what results rest on cannot be changed."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client

from annotations.models import LabelRow, RowBlock, SupersededLabel
from catalog.browsing import pretty
from catalog.models import (
    ApiToken,
    ColumnBlock,
    Dataset,
    Erasure,
    Item,
    Membership,
    Run,
    UseCount,
    WorkerBeat,
)
from predictions.models import AdoptedMap, ItemNovelty, ModelVersion, PredictionRow
from tests.conftest import Trust, work_off

ROOMS = ("catalog", "annotations", "coverage", "predictions")
#: Behind the views that the admin shows instead.
TABLES_WITH_COMPOUND_KEYS = {"Label", "Prediction", "FeatureVector", "ItemNovelty"}
EDITABLE = {"Dataset": (False, True, False), "Membership": (True, True, True)}


@pytest.fixture
def root(alice: Trust) -> Client:
    """A superuser's browser, over a database in which every model has a row."""
    path = alice.dataset("d", name="Things")
    alice.upload(path, "items", "item,group,sex\na,g1,F\nb,g1,M\nc,g2,M\n")
    alice.post(f"{path}questions/", {"name": "q", "scale": "nominal", "values": ["no", "yes"]})
    alice.send(path, "labels", "item,annotator,label\na,Ann,yes\na,Bob,no\nb,Ann,yes\n")
    work_off()
    alice.send(path, "labels", "item,annotator,label\na,Ann,no\n")
    alice.post(f"{path}populations/", {"name": "census"})
    alice.post(f"{path}models/", {"name": "net", "question": "q", "classes": ["no", "yes"]})
    work_off()
    for kind, body in (
        ("annotators", "annotator,team\nAnn,red\n"),
        ("population", "sex,weight\nF,1\nM,1\n"),
        ("reference-labels", "item,label\na,yes\nb,no\n"),
        ("predictions", "item,probability\na,0.75\nb,0.5\n"),
        ("features", "item,x,y\na,0.5,1\nb,2,3\n"),
    ):
        alice.send(path, kind, body)
    work_off()
    ApiToken.objects.create(user=alice.user, name="script")
    UseCount.objects.create(what="runs", who="1", minute=1)
    ColumnBlock.objects.create(
        dataset=Dataset.objects.get(),
        of="labels",
        subject_id=1,
        version=1,
        column="item",
        number=0,
        low=0,
        high=2,
        n_rows=3,
        dtype="<i4",
        body=bytes(12),
    )
    ItemNovelty.objects.create(
        run=Run.objects.all()[0], item=Item.objects.all()[0], scores=[2.5], p_values=[0.25]
    )
    RowBlock.objects.create(run=Run.objects.all()[0], table="items", number=0, body=bytes(4))
    AdoptedMap.objects.create(
        model=ModelVersion.objects.all()[0],
        run=uuid.uuid4(),
        version=1,
        method="platt",
        digest="0" * 64,
        recommended=True,
        adopted_by="alice",
        seen=bytes(1),
    )
    Erasure.objects.create(dataset=Dataset.objects.get(), version=1, done={"files": 1})
    WorkerBeat.objects.create(name="w", kind="worker", seen_at=Run.objects.all()[0].created_at)
    User.objects.create_superuser("root", password="correct-horse")
    client = Client()
    client.force_login(User.objects.get(username="root"))
    return client


def ours() -> list[Any]:
    return [model for room in ROOMS for model in apps.get_app_config(room).get_models()]


def address(model: Any, of: Any = None) -> str:
    base = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
    return base if of is None else f"{base}{of.pk}/change/"


def test_every_model_is_in_the_admin():
    shown = {model.__name__ for model in admin.site._registry}

    assert {m.__name__ for m in ours()} - shown == TABLES_WITH_COMPOUND_KEYS


def test_every_list_search_and_object_opens_and_offers_only_what_is_safe(root: Client):
    crawled = 0
    for model in ours():
        if model.__name__ in TABLES_WITH_COMPOUND_KEYS:
            continue
        row = model._default_manager.first()
        assert row is not None, f"the test has no {model.__name__}"
        add, change, delete = EDITABLE.get(model.__name__, (False, False, False))
        delete |= model is ApiToken
        for at in (address(model), f"{address(model)}?q=Ann"):
            html = opened(root, at)
            assert (f'href="{address(model)}add/' in html) == add, at
            assert "delete_selected" not in html, at
        html = opened(root, address(model, row))
        assert ('name="_save"' in html) == change, model
        assert ("deletelink" in html) == (delete and not is_the_last_owner(row)), model
        if not add:
            assert root.get(f"{address(model)}add/").status_code == 403
        if not change:
            assert root.post(address(model, row), {}).status_code == 403
        crawled += 1
    assert crawled == len(ours()) - len(TABLES_WITH_COMPOUND_KEYS)


def is_the_last_owner(row: Any) -> bool:
    return isinstance(row, Membership)


def opened(client: Client, at: str) -> str:
    answer = client.get(at)
    assert answer.status_code == 200, (at, answer.status_code)
    html = answer.content.decode()
    assert "default-src 'self'" in answer["Content-Security-Policy"]
    assert not re.search(r"<style|<script>| style=| onclick=", html), at
    return html


def test_the_index_opens_under_the_policy_and_says_what_it_is(root: Client):
    html = opened(root, "/admin/")

    assert "Everything that is stored" in html
    assert "Changes to be" not in html


def test_a_row_leads_to_the_rows_it_points_to_and_to_those_that_point_to_it(root: Client):
    label = LabelRow.objects.select_related("item", "annotator").first()
    assert label is not None
    for at in (address(LabelRow), address(LabelRow, label)):
        html = opened(root, at)
        assert f'href="{address(Item, label.item)}' in html
        assert f'href="{address(type(label.annotator), label.annotator)}' in html
    html = opened(root, address(Dataset, Dataset.objects.get()))
    [query] = re.findall(r'href="(/admin/catalog/item/\?[^"]+)"', html)
    assert opened(root, query).count('class="field-external_id"') == 3


def test_labels_are_found_by_item_and_by_annotator(root: Client):
    def found(term: str) -> list[str]:
        html = opened(root, f"{address(LabelRow)}?q={term}")
        return re.findall(r'<th class="field-value"><a href="[^"]+">(\w+)</a>', html)

    assert found("b") == ["yes"]
    assert sorted(found("Ann")) == ["no", "yes"]
    assert found("ann") == []  # ids are exact
    assert len(found("")) == 3


def test_labels_are_filtered_by_question_and_status(root: Client):
    html = opened(root, f"{address(LabelRow)}?status__exact=1")

    assert "0 labels" in html


def test_a_label_is_shown_in_its_questions_words(root: Client):
    label = LabelRow.objects.get(item__external_id="b")
    html = opened(root, address(LabelRow, label))

    assert re.search(r"Value:.{0,200}yes", html, re.S)
    prediction = PredictionRow.objects.get(item__external_id="a")
    assert prediction.pk.endswith("-0--1")  # fold -1 is a part of the key
    assert "0.75" in opened(root, address(PredictionRow, prediction))


@pytest.mark.parametrize("key", ["1-2-3", "1-2-3-4-5", "x-1-1-1", "9-9-9-9"])
def test_a_key_that_no_label_has_leads_back_with_a_message(root: Client, key: str):
    answer = root.get(f"/admin/annotations/labelrow/{key}/change/")

    assert (answer.status_code, answer["Location"]) == (302, "/admin/")


def test_history_keeps_the_earlier_value(root: Client):
    html = opened(root, address(SupersededLabel))

    assert re.search(r'class="field-value">.{0,150}yes', html, re.S)


def test_json_is_indented_and_a_long_one_is_cut(root: Client):
    run = Run.objects.filter(kind="agreement").first()
    assert run is not None
    html = opened(root, address(Run, run))

    assert "<pre>{\n  &quot;" in html
    assert "more characters" not in html
    assert "... 84 more characters; the REST API gives them all." in pretty("x" * 20_082)


def test_a_token_shows_no_digest_and_can_be_revoked(root: Client):
    token = ApiToken.objects.get()
    html = opened(root, address(ApiToken, token))
    assert "Token key:" in html
    assert "Digest:" not in html

    root.post(f"/admin/catalog/apitoken/{token.pk}/delete/", {"post": "yes"})
    assert not ApiToken.objects.exists()


def test_a_data_set_can_be_renamed_and_nothing_else(root: Client):
    dataset = Dataset.objects.get()
    version = dataset.version
    form = {"name": "New", "description": "", "min_cell": "7", "slug": "x", "version": "99"}
    assert root.post(address(Dataset, dataset), form).status_code == 302

    dataset.refresh_from_db()
    assert (dataset.name, dataset.min_cell) == ("New", 7)
    assert (dataset.slug, dataset.version) == ("d", version)


def test_members_are_added_and_the_last_owner_stays(root: Client, person: Callable[[str], Trust]):
    dataset, bob = Dataset.objects.get(), person("bob").user
    form = {"dataset": dataset.pk, "user": bob.pk, "role": "auditor", "annotator": ""}
    assert root.post(f"{address(Membership)}add/", form).status_code == 302
    owner, added = Membership.objects.get(role="owner"), Membership.objects.get(user=bob)

    answer = root.post(address(Membership, owner), {"role": "auditor", "annotator": ""})
    assert "This is the last owner" in answer.content.decode()
    assert root.get(f"/admin/catalog/membership/{owner.pk}/delete/").status_code == 403

    root.post(address(Membership, added), {"role": "owner", "annotator": ""})
    answer = root.post(address(Membership, owner), {"role": "auditor", "annotator": ""})
    assert answer.status_code == 302
    owner.refresh_from_db()
    assert owner.role == "auditor"


def test_staff_who_are_no_superusers_see_nothing_of_ours(root: Client):
    User.objects.create_user("staff", password="correct-horse", is_staff=True)
    client = Client()
    client.force_login(User.objects.get(username="staff"))

    assert "catalog" not in client.get("/admin/").content.decode()
    assert client.get(address(Dataset)).status_code == 403
    assert client.get(address(LabelRow)).status_code == 403


def test_a_list_costs_the_same_queries_however_many_rows(
    root: Client, django_assert_max_num_queries: Callable[..., Any]
):
    for model in (LabelRow, PredictionRow, Item, Run):
        root.get(address(model))
        with django_assert_max_num_queries(12):
            root.get(address(model))
