"""How much narrower intervals become with more items."""

import numpy as np
import pytest

from measures.coverage.outlook import half_widths, items_for_mean, mean_half_width
from measures.intervals import n_for_precision, wilson


def test_half_widths_are_those_of_wilson_and_everything_without_items():
    low, high = wilson(15, 30)
    assert half_widths([0, 30]) == pytest.approx([0.5, (high - low) / 2])
    assert np.all(np.diff(half_widths(np.arange(1, 200))) < 0)
    for share, half_width in ((0.5, 0.05), (0.9, 0.03)):
        n = n_for_precision(share, half_width)
        assert half_widths([n], share=share)[0] <= half_width < half_widths([n - 1], share=share)[0]


def test_a_mean_is_known_as_well_as_asked_with_that_many_items_and_no_fewer():
    # Cochran (1977), 4.4, worked: s^2 = 85.6, d = 1.5, t = 2: 152.2 items; here z = 1.96: 146.2.
    n = items_for_mean(85.6, 1.5)
    assert n == 147
    assert mean_half_width(85.6, n) <= 1.5 < mean_half_width(85.6, n - 1)
    assert mean_half_width(85.6, 1) is None
    assert items_for_mean(0.0, 0.1) == 2


@pytest.mark.parametrize(
    "call",
    [
        lambda: half_widths([-1]),
        lambda: half_widths([3], share=2.0),
        lambda: items_for_mean(1.0, 0.0),
        lambda: items_for_mean(-1.0, 0.1),
        lambda: mean_half_width(1.0, 5, level=1.0),
    ],
)
def test_wrong_input_is_an_error(call):
    with pytest.raises(ValueError, match=r"cannot|must"):
        call()
