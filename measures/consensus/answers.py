"""The consensus about each item: which value, how sure, and whether it is a tie."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike

from measures.consensus.counts import BoolArray, FloatArray, IntArray
from measures.estimates import Estimate, Reason, undefined
from measures.intervals import wilson

NO_VALUE = -1
# Posteriors closer than this are equal: sums of the same shares in another order differ less.
_SAME = 1e-9


class TieRule(StrEnum):
    """What becomes of an item on which several values come first."""

    NONE = "none"
    FIRST = "first"
    RANDOM = "random"


@dataclass(frozen=True, slots=True, eq=False)
class Consensus:
    """The consensus value of every item.

    Parameters
    ----------
    code : int64 array (n_items,)
        Position in the values; -1 where a tie was left open.
    tie : bool array (n_items,)
        Several values came first; stays true where a rule has then chosen one.
    tied : int64 array (n_items,)
        How many values came first, 1 where there is no tie.
    confidence : float array (n_items,)
        Posterior (or share of labels) of the value that came first, in [0, 1].
    """

    code: IntArray
    tie: BoolArray
    tied: IntArray
    confidence: FloatArray


def decide(
    posterior: FloatArray,
    *,
    rule: TieRule | str = TieRule.NONE,
    rng: np.random.Generator | None = None,
) -> Consensus:
    """The most probable value of each item; a tie stays a tie unless a rule is named.

    Parameters
    ----------
    posterior : float array (n_items, n_values)
        Rows that sum to 1: posteriors or shares of labels.
    rule : {"none", "first", "random"}
        "none" leaves a tie without a value, "first" takes the first declared value among those
        that tie, "random" draws one of them.
    rng : numpy Generator
        Needed for "random".

    Returns
    -------
    Consensus

    Raises
    ------
    ValueError
        When the rule is unknown, or "random" comes without ``rng``.
    """
    rule = TieRule(rule)
    top = posterior.max(axis=1, initial=0.0)
    leading = posterior >= (top - _SAME)[:, None]
    tied = leading.sum(axis=1).astype(np.int64)
    tie = tied > 1
    code = leading.argmax(axis=1).astype(np.int64)
    if rule is TieRule.NONE:
        code[tie] = NO_VALUE
    elif rule is TieRule.RANDOM:
        if rng is None:
            raise ValueError("Ties are broken at random only with a seeded rng; pass one.")
        draw = np.where(leading[tie], rng.random((int(tie.sum()), posterior.shape[1])), -1.0)
        code[tie] = draw.argmax(axis=1)
    return Consensus(code, tie, tied, top)


def accuracy_against_gold(
    posterior: FloatArray, gold: ArrayLike, *, ci_level: float = 0.95
) -> Estimate:
    """Share of items with gold whose consensus is the gold value; a tie earns its share of it.

    Parameters
    ----------
    posterior : float array (n_items, n_values)
    gold : array_like of int, shape (n_items,)
        Codes; -1 where there is no gold.
    ci_level : float in (0, 1)

    Returns
    -------
    Estimate
        In [0, 1], 1 is best. A tie between m values of which one is gold counts 1/m: what a coin
        would earn. ``n`` counts the items with gold; Wilson interval.
    """
    codes = np.asarray(gold, dtype=np.int64)
    known = codes >= 0
    n = int(known.sum())
    if n == 0:
        return undefined(Reason.NO_DATA, 0)
    shown = posterior[known]
    leading = shown >= (shown.max(axis=1) - _SAME)[:, None]
    # A gold value that nobody could give (outside the columns) is not met.
    inside = codes[known] < posterior.shape[1]
    hit = leading[np.arange(n), np.where(inside, codes[known], 0)] & inside
    right = float((hit / leading.sum(axis=1)).sum())
    low, high = wilson(right, n, level=ci_level)
    return Estimate(right / n, n, None, low, high, ci_level, "wilson")
