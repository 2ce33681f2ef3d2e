"""The zip that doccano writes: flat, with one NDJSON file a member. No path in it is ever used."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from catalog.reading.columns import Limits
from catalog.reading.problems import Code, Fault, ReadingStoppedError, escape
from catalog.reading.source import BLOCK, BOM, refuse_other_encodings
from catalog.reading.zips import BROKEN, is_readable

SUFFIX = ".jsonl"
MAX_MEMBERS = 1_000
_UTF8 = 0x800


@dataclass(frozen=True)
class Member:
    """One file of an archive: its name, and its bytes when they are asked for."""

    name: str
    archive: zipfile.ZipFile
    info: zipfile.ZipInfo

    @property
    def stem(self) -> str:
        """The name without its suffix."""
        return self.name.removesuffix(SUFFIX)

    def blocks(self) -> Iterator[bytes]:
        """The bytes, without a byte order mark."""
        try:
            with self.archive.open(self.info) as file:
                first = file.read(BLOCK)
                refuse_other_encodings(first)
                yield first.removeprefix(BOM)
                while block := file.read(BLOCK):
                    yield block
        except BROKEN as error:
            raise _corrupt(self.name, error) from error


def members(path: Path, limits: Limits) -> Iterator[Member]:
    """The members of an archive, after all of them have been found sound and small enough.

    The sizes that are checked here bind: reading ends at the size that a member states.

    Raises
    ------
    ReadingStoppedError
        Where the archive is damaged, too large, or holds anything but flat NDJSON files.
    """
    file = path.open("rb")
    try:
        archive = zipfile.ZipFile(file)
    except BROKEN as error:
        file.close()
        raise _corrupt("the archive", error) from error
    with file, archive:
        infos = archive.infolist()
        fault = _archive_fault(infos, limits)
        if fault is not None:
            raise ReadingStoppedError(fault)
        for info in infos:
            yield Member(info.filename, archive, info)


def _archive_fault(infos: list[zipfile.ZipInfo], limits: Limits) -> Fault | None:
    names = [info.filename for info in infos]
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if not infos or len(infos) > MAX_MEMBERS:
        sentence = f"The zip has {len(infos):,} members; it must have 1 to {MAX_MEMBERS:,}."
        return Fault(Code.ZIP_MEMBER, sentence)
    if twice is not None:
        sentence = f"The zip has two members called '{escape(twice)}'; give each annotator one."
        return Fault(Code.ZIP_MEMBER, sentence, twice)
    faults = (_member_fault(info, limits) for info in infos)
    fault = next((fault for fault in faults if fault is not None), None)
    if fault is None and sum(info.file_size for info in infos) > limits.max_bytes:
        sentence = f"The zip expands to more than {limits.max_bytes:,} bytes; send it in parts."
        return Fault(Code.DECOMPRESSED_TOO_LARGE, sentence)
    return fault


def _member_fault(info: zipfile.ZipInfo, limits: Limits) -> Fault | None:
    name = info.filename
    shown = f"The zip's member '{escape(name)}'"
    if set(name) & set("/\\\0:") or name.startswith(".") or not name.endswith(SUFFIX):
        sentence = (
            f"{shown} is no plain '<username>{SUFFIX}'; send the archive as doccano writes it."
        )
        return Fault(Code.ZIP_MEMBER, sentence, name)
    if not name.isascii() and not info.flag_bits & _UTF8:
        sentence = f"{shown} has a name that is not marked as UTF-8; name it in ASCII letters."
        return Fault(Code.ZIP_MEMBER, sentence, name)
    if not is_readable(info):
        sentence = f"{shown} is encrypted or packed by an unusual method; zip it plainly."
        return Fault(Code.ZIP_MEMBER, sentence, name)
    if info.file_size > max(limits.ratio_after, limits.max_ratio * info.compress_size):
        sentence = (
            f"{shown} expands to more than {limits.max_ratio} times its size; send it "
            "uncompressed or in parts."
        )
        return Fault(Code.DECOMPRESSED_TOO_LARGE, sentence, name)
    return None


def _corrupt(what: str, error: Exception) -> ReadingStoppedError:
    sentence = (
        f"The zip is damaged at {escape(what)} ({escape(str(error))}); make it again, or send the "
        "members one by one with annotator=."
    )
    return ReadingStoppedError(Fault(Code.CORRUPT_ZIP, sentence))
