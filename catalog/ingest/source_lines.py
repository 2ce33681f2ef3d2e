"""The lines of a stored file, to be shown beside what is wrong with them."""

from __future__ import annotations

from catalog.ingest.receiving import options_of, path_of
from catalog.models import Upload
from catalog.reading.problems import ReadingStoppedError, escape
from catalog.reading.source import chunks, count_line_ends, split_lines

LONGEST = 1000
_BY_LINE = ("csv", "tsv", "ndjson")


def read(upload: Upload, wanted: set[int]) -> dict[int, str]:
    """Physical lines by number, made safe to show and cut; none of a file that has no lines.

    The line of a problem in JSON or Parquet is the number of a record, and exports are read record
    by record; for those there is nothing to show.
    """
    told = upload.options
    path = path_of(upload.sha256)
    by_line = told.get("format") in _BY_LINE and told.get("compression") in (None, "gzip")
    has_file = upload.file_erased_at is None and path.is_file()
    if not wanted or not by_line or not has_file:
        return {}
    found: dict[int, str] = {}
    try:
        for chunk in chunks(path, options_of(upload)):
            end = chunk.first_line + count_line_ends(chunk.text)
            here = sorted(line for line in wanted if chunk.first_line <= line <= end)
            if here:
                lines = split_lines(chunk.text)
                for line in here:
                    if line - chunk.first_line < len(lines):
                        text = lines[line - chunk.first_line].rstrip("\r\n")
                        found[line] = escape(text, LONGEST)
            if end > max(wanted):
                break
    except ReadingStoppedError:
        # Reading stopped there for the worker too; what came before is shown.
        pass
    return found
