"""``python -m trust_project.embedded COMMAND ...``: what the script ./trust hands over to."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from trust_project.embedded import commands, serving
from trust_project.embedded.children import PROJECT
from trust_project.embedded.console import Console, RefusedError
from trust_project.embedded.state import State
from trust_project.embedded.supervisor import StoppedError

ON_STATE = {
    "up": serving.up,
    "demo": serving.demo,
    "token": commands.token,
    "manage": commands.manage,
}
BESIDE_STATE = {"test": commands.test, "check": commands.check, "bench": commands.bench}
# Their answer is read by programs; progress goes where it does not mix with it.
ANSWERS_ON_STDOUT = ("token", "manage")


def main(arguments: Sequence[str]) -> int:
    name, *rest = arguments or [""]
    if name not in ON_STATE and name not in BESIDE_STATE:
        known = ", ".join([*ON_STATE, *BESIDE_STATE])
        sys.stderr.write(f"trust: unknown command {name!r}; the commands are {known}.\n")
        return 2
    console = Console(sys.stderr if name in ANSWERS_ON_STDOUT else sys.stdout)
    os.environ["DJANGO_SETTINGS_MODULE"] = "trust_project.settings"
    try:
        if name in BESIDE_STATE:
            return BESIDE_STATE[name](rest, console)
        return ON_STATE[name](rest, console, State(state_root()))
    except RefusedError as refusal:
        sys.stderr.write(f"trust: {refusal}\n")
        return 1
    except StoppedError:
        return serving.INTERRUPTED


def state_root() -> Path:
    return Path(os.environ.get("TRUST_STATE") or PROJECT / ".trust").absolute()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
