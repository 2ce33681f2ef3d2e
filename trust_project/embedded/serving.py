"""`./trust up` and `./trust demo`: everything, until somebody says stop."""

import http.client
import os
import sys
from collections.abc import Sequence

from trust_project.embedded.children import PROJECT, application
from trust_project.embedded.console import Console, RefusedError
from trust_project.embedded.ports import HOST, check_port, port_from
from trust_project.embedded.state import State
from trust_project.embedded.supervisor import StoppedError, Supervisor

MANAGE = str(PROJECT / "manage.py")
WEB_START_LIMIT = 180.0
INTERRUPTED = 130


def up(arguments: Sequence[str], console: Console, state: State) -> int:
    if arguments:
        raise RefusedError(f"./trust up takes no arguments; got {' '.join(arguments)!r}.")
    return serve("up", console, state)


def demo(arguments: Sequence[str], console: Console, state: State) -> int:
    return serve("demo", console, state, then=[sys.executable, MANAGE, "demo", *arguments])


def serve(purpose: str, console: Console, state: State, then: Sequence[str] = ()) -> int:
    """Start everything; run `then` against it; go on serving unless `then` said --once."""
    supervisor = Supervisor(state, console, purpose=purpose)
    once = "--once" in then
    with supervisor.signals():
        try:
            supervisor.open()
            port = port_from(os.environ.get("TRUST_PORT"))
            check_port(port)
            start_everything(supervisor, port)
            code = supervisor.run(then) if then else 0
            if once:
                return code
            supervisor.check_stop()
            if code:
                raise RefusedError(f"The demonstration failed (exit code {code}); see above.")
            console.say(f"serving at {supervisor.runtime.address} until Ctrl-C")
            supervisor.keep_running()
        except StoppedError:
            return INTERRUPTED if once else 0
        finally:
            supervisor.close()


def start_everything(supervisor: Supervisor, port: int) -> None:
    console = supervisor.console
    supervisor.env["TRUST_PORT"] = str(port)
    supervisor.runtime.address = f"http://{HOST}:{port}/"
    supervisor.start_services()
    code = supervisor.run([sys.executable, MANAGE, "migrate", "-v0"])
    supervisor.check_stop()
    if code:
        raise RefusedError(f"The tables could not be brought up to date (exit code {code}).")
    console.say("the tables are up to date")
    for plan in application(port):
        supervisor.start(plan)
    supervisor.wait_until(lambda: answers(port), WEB_START_LIMIT, "web")
    supervisor.runtime.ready = True
    supervisor.record()
    console.say(f"the service answers at {supervisor.runtime.address}")


def answers(port: int) -> bool:
    # Not urllib: it would ask the proxy named in the environment for our own address.
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
