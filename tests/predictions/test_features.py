"""Features and embeddings by upload: what is stored, and how every mistake is answered."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

from predictions.models import FeatureSet, FeatureVector
from tests.catalog.array_files import npy, npz
from tests.conftest import Trust

ITEMS = np.array(["a", "b", "c"])
MATRIX = np.array([[1, 2], [3, 4], [5, 6.5]], np.float32)


def send(alice: Trust, path: str, body: bytes, **options: Any) -> Any:
    return alice.upload(path, "features", body, content_type="application/octet-stream", **options)


def stored(name: str = "features") -> np.ndarray:
    rows = FeatureVector.objects.filter(features__name=name).order_by("item__external_id")
    return np.array([row.vector for row in rows])


@pytest.fixture
def plain(alice: Trust) -> str:
    return alice.dataset("vectors")


def test_tables_of_every_format_bring_the_same_vectors(alice: Trust, plain: str) -> None:
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    sink = io.BytesIO()
    pq.write_table(pa.table({"item": ITEMS, "x": MATRIX[:, 0], "y": MATRIX[:, 1]}), sink)
    lines = [
        f'{{"item": "{i}", "x": {x}, "y": {y}}}' for i, (x, y) in zip(ITEMS, MATRIX, strict=True)
    ]
    files = {
        "csv": (b"item,x,y\na,1,2\nb,3,4\nc,5,6.5\n", "text/csv"),
        "ndjson": ("\n".join(lines).encode(), "application/x-ndjson"),
        "parquet": (sink.getvalue(), "application/vnd.apache.parquet"),
        "npz": (npz(item=ITEMS, features=MATRIX, names=["x", "y"]), "application/octet-stream"),
    }
    for name, (body, kind) in files.items():
        sent = alice.upload(plain, "features", body, content_type=kind, features=name)
        assert sent["state"] == "stored", sent["problems"]
        np.testing.assert_array_equal(stored(name), MATRIX)
        assert FeatureSet.objects.get(name=name).columns == ["x", "y"]


def test_sets_are_listed_and_deleted_with_their_vectors(alice: Trust, plain: str) -> None:
    alice.upload(plain, "features", "item,x,y\na,1,2\n", features="scan")
    alice.upload(plain, "features", "item,x\na,1\nb,2\n", features="blood")
    found = alice.get(f"{plain}features/")["results"]
    assert [(one["name"], one["width"], one["n_items"]) for one in found] == [
        ("blood", 1, 2),
        ("scan", 2, 1),
    ]
    answer = alice.send(plain, "features", "item,x\na,1\n", expect=400)
    assert "several feature sets: blood, scan" in answer["detail"]
    assert alice.get(f"{plain}features/scan/")["columns"] == ["x", "y"]
    alice.delete(f"{plain}features/scan/")
    assert set(FeatureVector.objects.values_list("features__name", flat=True)) == {"blood"}


def test_columns_are_matched_by_name_and_not_by_place(alice: Trust, plain: str) -> None:
    alice.upload(plain, "features", "item,x,y\na,1,2\n")
    again = alice.upload(plain, "features", "y,x,item\n4,3,b\n2,1,a\n")
    assert again["rows"] == {"read": 2, "stored": 1, "unchanged": 1, "replaced": 0, "rejected": 0}
    np.testing.assert_array_equal(stored(), [[1, 2], [3, 4]])
    other = alice.upload(plain, "features", "item,x,z\na,1,2\n")
    assert [p["code"] for p in other["problems"]] == ["other_features"]
    assert "lacks 'y' and has 'z', which the set does not have" in other["problems"][0]["message"]


def test_sending_again_changes_nothing_and_what_changed_is_replaced(
    alice: Trust, plain: str
) -> None:
    body = npz(item=ITEMS, features=MATRIX)
    first = send(alice, plain, body)
    same = send(alice, plain, body)
    assert (same["version"], same["warnings"][0]["code"]) == (first["version"], "same_file")
    turned = npz(item=ITEMS[::-1], features=-MATRIX[::-1] * [[1, 1], [1, 1], [-1, -1]])
    changed = send(alice, plain, turned)
    assert (changed["rows"]["replaced"], changed["rows"]["unchanged"]) == (2, 1)
    np.testing.assert_array_equal(stored(), [[1, 2], [-3, -4], [-5, -6.5]])
    refused = send(alice, plain, body, mode="add")
    assert {p["code"] for p in refused["problems"]} == {"conflicts_with_existing"}
    assert [p["line"] for p in refused["problems"]] == [2, 3]


def test_withdrawn_files_give_back_the_vectors_they_replaced(alice: Trust, plain: str) -> None:
    first = send(alice, plain, npz(item=ITEMS[:2], features=MATRIX[:2]))
    second = send(alice, plain, npz(item=ITEMS, features=MATRIX))
    third = send(alice, plain, npz(item=ITEMS[:1], features=MATRIX[2:] / 3))
    refused = alice.http.delete(f"/api/v1/{plain}uploads/{first['id']}/")
    assert (refused.status_code, third["id"] in refused.json()["detail"]) == (409, True)
    for upload, left in ((third, MATRIX), (second, MATRIX[:2])):
        alice.delete(f"{plain}uploads/{upload['id']}/", expect=200)
        np.testing.assert_array_equal(stored(), left)
    alice.delete(f"{plain}uploads/{first['id']}/", expect=200)
    assert not FeatureSet.objects.exists()


def test_a_bare_npy_needs_its_order_stated(alice: Trust, plain: str) -> None:
    refused = alice.send(plain, "features", npy(MATRIX), expect=400)
    assert "does not say which item each row is" in refused["detail"]
    alice.upload(plain, "items", "item\nb\nc\na\n")
    few = send(alice, plain, npy(MATRIX[:2]), item_order="sorted_items")
    assert [p["code"] for p in few["problems"]] == ["rows_not_items"]
    sent = send(alice, plain, npy(np.asfortranarray(MATRIX)), item_order="sorted_items")
    assert sent["state"] == "stored"
    np.testing.assert_array_equal(stored(), MATRIX)


def test_arrays_are_for_features_and_an_order_is_for_a_bare_npy(alice: Trust, plain: str) -> None:
    answer = alice.send(plain, "items", npz(item=ITEMS), expect=415)
    assert answer["code"] == "unsupported_media_type"
    answer = alice.send(plain, "items", "item\na\n", expect=400, format="npz")
    assert "uploads/features/ takes it" in answer["detail"]
    answer = alice.send(plain, "features", npz(item=ITEMS), expect=400, item_order="sorted_items")
    assert "item_order= is for a bare NPY" in answer["detail"]
    answer = alice.send(plain, "features", npy(MATRIX), expect=400, item_order="file")
    assert "item_order must be sorted_items" in answer["detail"]
    answer = alice.send(plain, "features", b"\x80\x04\x95\x00", expect=415)
    assert "a Python pickle, which is never loaded" in answer["detail"]
    answer = alice.send(plain, "features", "item,x\na,1\n", expect=400, features="a/b")
    assert "features must be a name" in answer["detail"]


def test_what_only_the_data_set_can_tell_is_told(alice: Trust, plain: str) -> None:
    alice.upload(plain, "items", "item\na\nb\n")
    sent = send(alice, plain, npz(item=["a", "B", "a"], features=MATRIX))
    found = [(p["code"], p["line"], p["hint"]) for p in sent["problems"]]
    assert found == [("unknown_item", 2, "Did you mean 'b'?"), ("conflicting_rows", 3, None)]
    kept = send(alice, plain, npz(item=["a", "B", "a"], features=MATRIX), on_error="skip")
    assert (kept["rows"]["stored"], kept["rows"]["rejected"]) == (1, 2)
    nothing = alice.upload(plain, "features", "item\na\n", features="other")
    assert [p["code"] for p in nothing["problems"]] == ["header_missing_column"]


def test_an_array_of_objects_is_refused_by_name(alice: Trust, plain: str) -> None:
    sent = send(alice, plain, npz(item=ITEMS.astype(object), features=MATRIX))
    assert (sent["state"], sent["problems"][0]["code"]) == ("rejected", "array_type")
    assert "a pickle is never loaded" in sent["problems"][0]["message"]
    assert not FeatureVector.objects.exists()
