"""Adjusted p-values against the published example, statsmodels, and their laws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from measures.multiplicity import benjamini_hochberg, holm

# Benjamini and Hochberg (1995), JRSS B 57, section 3.2: 15 hypotheses.
P = [
    *(0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344),
    *(0.0459, 0.324, 0.4262, 0.5719, 0.6528, 0.759, 1.0),
]
ADJUSTED = {
    benjamini_hochberg: [0.0015, 0.003, 0.0095, 0.035625, 0.0603, 0.06385714285714286],
    holm: [0.0015, 0.0056, 0.0247, 0.114, 0.2211, 0.278],
}
families = st.lists(st.floats(0, 1), max_size=30)


@pytest.mark.parametrize(("adjust", "alarms"), [(benjamini_hochberg, 4), (holm, 3)])
def test_the_published_family_of_fifteen_is_reproduced(adjust, alarms):
    adjusted = adjust(P)
    assert adjusted[:6] == pytest.approx(ADJUSTED[adjust], abs=1e-10)
    assert sum(p <= 0.05 for p in adjusted) == alarms


@pytest.mark.parametrize(("adjust", "method"), [(benjamini_hochberg, "fdr_bh"), (holm, "holm")])
@settings(max_examples=10)  # statsmodels takes 50 ms a family
@given(p=families.filter(len))
def test_adjusted_values_equal_statsmodels(adjust, method, p):
    assert adjust(p) == pytest.approx(multipletests(p, method=method)[1], abs=1e-12)


@pytest.mark.parametrize("adjust", [benjamini_hochberg, holm])
@given(p=families)
def test_adjusting_keeps_the_order_and_never_helps(adjust, p):
    adjusted = adjust(p)
    assert all(raw <= new <= 1 for raw, new in zip(p, adjusted, strict=True))
    ranked = [new for _, new in sorted(zip(p, adjusted, strict=True))]
    assert ranked == sorted(ranked)
    assert adjust(p[::-1]) == pytest.approx(adjusted[::-1], abs=1e-15)


@pytest.mark.parametrize("adjust", [benjamini_hochberg, holm])
def test_untested_hypotheses_stay_untested_and_do_not_enlarge_the_family(adjust):
    tested = adjust([0.01, 0.04])
    with_gap = [tested[0], None, tested[1]]
    assert adjust([0.01, None, 0.04]) == with_gap
    assert adjust(np.array([0.01, np.nan, 0.04])) == with_gap
    assert adjust(np.ma.masked_array([0.01, 0.5, 0.04], mask=[False, True, False])) == with_gap
    assert adjust([None, None]) == [None, None]
    assert adjust([]) == []


@pytest.mark.parametrize("adjust", [benjamini_hochberg, holm])
def test_a_p_value_that_is_none_is_refused_with_its_position(adjust):
    with pytest.raises(ValueError, match=r"first .*1\.5.* at position 1"):
        adjust([0.2, 1.5])
    with pytest.raises(ValueError, match="one-dimensional"):
        adjust([[0.2], [0.3]])
