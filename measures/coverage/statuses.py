"""What is said of a cell; apart from what computes it, since who only shows cells names them."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """What the evidence says about a cell. A fifth word, withheld, is set by disclosure control."""

    ADEQUATE = "adequate"
    GAP = "gap"
    INSUFFICIENT_EVIDENCE = "insufficient_evidence"
    NOT_ESTIMABLE = "not_estimable"
