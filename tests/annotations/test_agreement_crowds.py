"""Crowds too large to keep who gave what: pairs and annotators from a part of the items."""

from __future__ import annotations

import pytest

from annotations.agreement import counting
from measures.agreement import panels
from tests.annotations.test_agreement_results import asked, crowd
from tests.conftest import Trust


def test_a_large_crowd_is_judged_on_a_part_of_its_items(
    alice: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = crowd(400, 5)
    whole = alice.get(f"{asked(alice, 'whole', rows)}agreement/")
    keeps = panels.panel_of_labels
    monkeypatch.setattr(counting, "SAMPLE_LABELS", 600)
    monkeypatch.setattr(counting, "MAX_CROWD_LABELS", 1500)
    monkeypatch.setattr(
        "measures.agreement.patterns.panel_of_labels",
        lambda items, *rest: keeps(items, *rest) if items.size < 1500 else None,
    )
    part = alice.get(f"{asked(alice, 'part', rows)}agreement/")
    assert whole["identified"] == {"n_items": 400, "n_labels": 2000}
    assert 80 < part["identified"]["n_items"] < 170
    assert "large_crowd" in part["warnings"]
    alpha = part["coefficients"]["krippendorff_alpha"]["value"]
    assert alpha == whole["coefficients"]["krippendorff_alpha"]["value"]
    for one, other in zip(part["annotators"], whole["annotators"], strict=True):
        for name in ("annotator", "n_labels", "value_counts"):
            assert one[name] == other[name]
        assert one["agreement_with_others"]["n"] == part["identified"]["n_items"]
        share = other["agreement_with_others"]["value"]
        assert one["agreement_with_others"]["value"] == pytest.approx(share, abs=0.12)
    assert len(part["pairs"]) == 10
