"""A small deployment for tests: real services, trivial children.

``python -m tests.embedded.deployment STATE [NAME=COMMAND ...]``
"""

import sys
from pathlib import Path

from trust_project.embedded.children import Plan
from trust_project.embedded.console import Console, RefusedError
from trust_project.embedded.state import State
from trust_project.embedded.supervisor import StoppedError, Supervisor


def main(root: str, *children: str) -> str | None:
    supervisor = Supervisor(State(Path(root)), Console())
    with supervisor.signals():
        try:
            supervisor.open()
            supervisor.runtime.address = "http://127.0.0.1:1/"
            supervisor.start_services(durable=False)
            for child in children:
                name, _, command = child.partition("=")
                supervisor.start(Plan(name, ["sh", "-c", command]))
            supervisor.console.say("up")
            supervisor.keep_running()
        except RefusedError as refusal:
            return str(refusal)
        except StoppedError:
            return None
        finally:
            supervisor.close()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
