"""Is the address we want to serve on free? Asked before anything is started."""

import socket

from trust_project.embedded.console import RefusedError

HOST = "127.0.0.1"
DEFAULT_PORT = 8000


def port_from(text: str | None) -> int:
    """The port named by TRUST_PORT, or the default one."""
    if not text:
        return DEFAULT_PORT
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise RefusedError(f"TRUST_PORT is {text!r}; give a port from 1 to 65535, such as 8001.")
    return int(text)


def check_port(port: int) -> None:
    with socket.socket() as probe:
        # The same option gunicorn sets: a port whose old connections still linger is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            return
        except PermissionError:
            raise RefusedError(
                f"Port {port} may be opened by root only. "
                f"Choose one above 1023: TRUST_PORT={DEFAULT_PORT} ./trust up"
            ) from None
        except OSError:
            other = port + 1 if port < 65535 else DEFAULT_PORT
    raise RefusedError(
        f"Port {port} of {HOST} is used by another program. "
        f"End that program, or choose another port: TRUST_PORT={other} ./trust up"
    )
