"""What every room shares: who may see what, what is labelled, what came in, what was computed."""

from catalog.models.columns import ColumnBlock, VersionChange
from catalog.models.datasets import Dataset, Membership
from catalog.models.definitions import Attribute, Question
from catalog.models.erasures import Erasure
from catalog.models.history import EarlierRow
from catalog.models.items import Annotator, Item, Profile, ProfileCount
from catalog.models.quotas import UseCount
from catalog.models.references import ReferenceLabel
from catalog.models.runs import Run, WorkerBeat
from catalog.models.tokens import ApiToken
from catalog.models.uploads import Upload

__all__ = [
    "Annotator",
    "ApiToken",
    "Attribute",
    "ColumnBlock",
    "Dataset",
    "EarlierRow",
    "Erasure",
    "Item",
    "Membership",
    "Profile",
    "ProfileCount",
    "Question",
    "ReferenceLabel",
    "Run",
    "Upload",
    "UseCount",
    "VersionChange",
    "WorkerBeat",
]
