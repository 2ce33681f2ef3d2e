"""Who may do what: every address, every role, and people who are nobody here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.conftest import Trust

LABELS = "item,annotator,label\ni1,ann,cat\ni1,bob,dog\ni2,ann,cat\ni2,bob,dog\n"
ROLES = ("contributor", "auditor", "manager", "owner", "outsider")
# method, path, body, roles that may; everybody else gets 403, the outsider 404.
ROUTES: list[tuple[str, str, Any, set[str]]] = [
    ("get", "", None, {"contributor", "auditor", "manager", "owner"}),
    ("patch", "", {"name": "Pets"}, {"manager", "owner"}),
    ("get", "members/", None, {"manager", "owner"}),
    ("post", "members/", {"user": "nobody", "role": "auditor"}, {"owner"}),
    ("get", "questions/", None, {"contributor", "auditor", "manager", "owner"}),
    ("post", "questions/", {"name": "q", "scale": "bad"}, {"manager", "owner"}),
    ("patch", "questions/pet/", {"scale": "bad"}, {"manager", "owner"}),
    ("delete", "questions/none/", None, {"manager", "owner"}),
    ("get", "attributes/", None, {"contributor", "auditor", "manager", "owner"}),
    ("post", "attributes/", {"name": "a", "kind": "bad"}, {"manager", "owner"}),
    ("get", "populations/", None, {"contributor", "auditor", "manager", "owner"}),
    ("post", "populations/", {"year": "x"}, {"manager", "owner"}),
    ("get", "models/", None, {"contributor", "auditor", "manager", "owner"}),
    ("post", "models/", {"classes": "x"}, {"manager", "owner"}),
    ("get", "uploads/", None, {"contributor", "auditor", "manager", "owner"}),
    ("post", "uploads/labels/", None, {"contributor", "manager", "owner"}),
    ("post", "uploads/items/", None, {"manager", "owner"}),
    ("post", "uploads/reference-labels/", None, {"manager", "owner"}),
    ("get", "runs/", None, {"contributor", "auditor", "manager", "owner"}),
    ("post", "runs/", {"kind": "x"}, {"manager", "owner"}),
    ("get", "agreement/", None, {"contributor", "auditor", "manager", "owner"}),
    ("get", "agreement/pairs.csv", None, {"auditor", "manager", "owner"}),
    ("get", "coverage/", None, {"auditor", "manager", "owner"}),
    ("get", "calibration/", None, {"auditor", "manager", "owner"}),
    ("get", "trust-card/", None, {"auditor", "manager", "owner"}),
    ("delete", "", None, {"owner"}),
]


@pytest.fixture
def people(alice: Trust, person: Callable[[str], Trust]) -> dict[str, Trust]:
    path = alice.dataset("pets")
    alice.post(f"{path}questions/", {"name": "pet", "scale": "nominal", "values": ["cat", "dog"]})
    found = {role: person(role) for role in ROLES}
    for role in ROLES[:-1]:
        alice.post(f"{path}members/", {"user": role, "role": role})
    return found


@pytest.mark.parametrize(("method", "path", "body", "allowed"), ROUTES)
def test_each_role_reaches_what_it_may_and_nothing_else(
    people: dict[str, Trust], method: str, path: str, body: Any, allowed: set[str]
) -> None:
    # The owner comes last: the last route deletes the data set.
    for role in ROLES[::-1][:1] + ROLES[:-1]:
        client = people[role].http
        url = f"/api/v1/datasets/pets/{path}"
        send = getattr(client, method)
        answer = send(url) if method == "get" else send(url, body, format="json")
        if role in allowed:
            assert answer.status_code not in (401, 403), (role, answer.content)
        elif role == "outsider":
            assert answer.status_code == 404, (role, answer.content)
        else:
            assert answer.status_code == 403, (role, answer.content)
            assert answer.json()["code"] == "permission_denied"


def test_a_forbidden_data_set_looks_like_one_that_does_not_exist(
    people: dict[str, Trust],
) -> None:
    hidden = people["outsider"].get("datasets/pets/", expect=404)
    absent = people["outsider"].get("datasets/dogs/", expect=404)
    assert hidden["detail"].replace("pets", "dogs") == absent["detail"]
    assert people["outsider"].get("datasets/")["results"] == []


def test_without_signing_in_nothing_is_shown() -> None:
    answer = APIClient().get("/api/v1/datasets/")
    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"


def test_contributors_see_their_own_uploads_only(alice: Trust, people: dict[str, Trust]) -> None:
    theirs = alice.upload("datasets/pets/", "labels", LABELS)
    mine = people["contributor"].upload("datasets/pets/", "labels", "item,annotator,label\n")
    seen = people["contributor"].get("datasets/pets/uploads/")["results"]
    assert [u["id"] for u in seen] == [mine["id"]]
    people["contributor"].get(f"datasets/pets/uploads/{theirs['id']}/", expect=404)
    assert len(people["auditor"].get("datasets/pets/uploads/")["results"]) == 2


def test_auditors_see_where_a_file_was_wrong_and_not_what_stood_there(
    alice: Trust, people: dict[str, Trust]
) -> None:
    sent = alice.upload("datasets/pets/", "labels", "item,annotator,label\ni1,ann,cow\n")
    assert sent["problems"][0]["value"] == "cow"
    assert people["manager"].get(f"datasets/pets/uploads/{sent['id']}/") == sent
    seen = people["auditor"].get(f"datasets/pets/uploads/{sent['id']}/")["problems"][0]
    assert (seen["line"], seen["code"]) == (2, "unknown_label")
    assert "cow" not in str(seen)
    assert "cow" not in str(people["auditor"].get("datasets/pets/uploads/"))


def test_contributors_write_labels_under_their_own_name_only(
    alice: Trust, people: dict[str, Trust]
) -> None:
    alice.patch("datasets/pets/members/contributor/", {"annotator": "ann"})
    upload = people["contributor"].upload("datasets/pets/", "labels", LABELS)
    assert upload["state"] == "rejected"
    assert [(p["code"], p["value"]) for p in upload["problems"]] == [("not_own_labels", "bob")] * 2
    own = people["contributor"].upload(
        "datasets/pets/", "labels", "item,annotator,label\ni1,ann,cat\n"
    )
    assert own["state"] == "stored"


def test_names_are_for_the_lead_and_small_groups_for_nobody_else(
    alice: Trust, people: dict[str, Trust]
) -> None:
    alice.upload("datasets/pets/", "annotators", "annotator,city\nann,Lyon\nbob,Brest\n")
    alice.upload("datasets/pets/", "labels", LABELS)
    lead = alice.get("datasets/pets/agreement/")
    assert {a["annotator"] for a in lead["annotators"]} == {"ann", "bob"}
    assert lead["subgroups"][0]["n_labels"] == 2
    auditor = people["auditor"].get("datasets/pets/agreement/")
    assert {a["annotator"] for a in auditor["annotators"]} == {"annotator 1", "annotator 2"}
    assert "ann" not in {name for pair in auditor["pairs"] for name in pair["annotators"]}
    assert auditor["disclosure"] == "min_cell_10"
    small = auditor["subgroups"][0]
    assert small["n_labels"] is None
    assert small["coefficients"]["percent_agreement"]["reason"] == "suppressed"
    contributor = people["contributor"].get("datasets/pets/agreement/")
    assert "annotators" not in contributor
    assert contributor["coefficients"]["percent_agreement"]["value"] == 0.0


def test_a_data_set_keeps_an_owner(alice: Trust) -> None:
    alice.dataset("pets")
    refused = alice.http.delete("/api/v1/datasets/pets/members/alice/")
    assert refused.json()["code"] == "last_owner"
    alice.patch("datasets/pets/members/alice/", {"role": "auditor"}, expect=409)


def test_tokens_are_shown_once_scoped_and_revoked(alice: Trust) -> None:
    anonymous = APIClient()
    anonymous.credentials(HTTP_AUTHORIZATION="Basic YWxpY2U6Y29ycmVjdC1ob3JzZQ==")
    made = anonymous.post("/api/v1/tokens/", {"name": "ci", "scope": "read"}, format="json")
    assert made.status_code == 201
    assert made.json()["token"].startswith("trust_")
    unnamed = anonymous.post("/api/v1/tokens/")
    assert (unnamed.status_code, unnamed.json()["scope"]) == (201, "write")
    alice.delete(f"tokens/{unnamed.json()['id']}/")
    program = APIClient()
    program.credentials(HTTP_AUTHORIZATION=f"Token {made.json()['token']}")
    assert program.get("/api/v1/datasets/").status_code == 200
    assert program.post("/api/v1/datasets/", {"slug": "x"}, format="json").status_code == 403
    assert program.post("/api/v1/tokens/", {"name": "more"}, format="json").status_code == 403
    listed = program.get("/api/v1/tokens/").json()["results"]
    assert [(t["name"], "token" in t) for t in listed] == [("ci", False)]
    alice.delete(f"tokens/{made.json()['id']}/")
    assert program.get("/api/v1/datasets/").status_code == 401


def test_a_token_of_nonsense_is_refused_in_words(transactional_db: None) -> None:
    for token in ("nonsense", "\u00e9\u00e8", "a b"):
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Token {token}".encode().decode("latin-1"))
        answer = client.get("/api/v1/datasets/")
        assert answer.status_code == 401
        assert answer.json()["detail"]
