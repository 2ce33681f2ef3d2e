"""What the person at the terminal reads: progress lines, and refusals that name the fix."""

import sys
import time
from typing import TextIO


class RefusedError(Exception):
    """Something only the reader can put right; its text is the whole message."""


class Console:
    """Progress lines with the seconds since the start, such as ``[ 2.4 s] Valkey is ready``."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stdout
        self.began = time.monotonic()

    def say(self, text: str) -> None:
        self.plain(f"[{time.monotonic() - self.began:4.1f} s] {text}")

    def plain(self, text: str) -> None:
        try:
            self.stream.write(text + "\n")
            self.stream.flush()
        except OSError:
            # The reader went away (`./trust up | head`, a closed terminal); what is running
            # must still be stopped in order, so a lost line is not a failure.
            self.stream = QUIET
        except ValueError:
            self.stream = QUIET


class Quiet:
    """A stream that keeps nothing, for callers that want no progress lines."""

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        return None


QUIET: TextIO = Quiet()  # type: ignore[assignment]
