"""The embedded broker. It keeps nothing on disk: rows in the database say what is to be done,
messages only ring the bell, and the sweeper rings again for what nobody heard."""

import signal
import socket
from pathlib import Path

from trust_project.embedded.addresses import broker_url
from trust_project.embedded.binaries import Broker
from trust_project.embedded.state import State


class Valkey:
    """The broker of one state directory, on a private socket and no port."""

    name = "valkey"
    stop_signal = signal.SIGTERM

    def __init__(self, state: State, broker: Broker, socket_directory: Path) -> None:
        self.state = state
        self.broker = broker
        self.socket = socket_directory / "valkey.sock"

    @property
    def url(self) -> str:
        return broker_url(self.socket)

    def command(self) -> list[str]:
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "save": "",
            "appendonly": "no",
            # Forgetting messages to save memory would be silent; refusing them is heard.
            "maxmemory": "256mb",
            "maxmemory-policy": "noeviction",
        }
        parts = [part for name, value in options.items() for part in (f"--{name}", value)]
        return [str(self.broker.program), *parts]

    def is_ready(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(2)
            try:
                client.connect(str(self.socket))
                client.sendall(b"PING\r\n")
                return client.recv(64).startswith(b"+PONG")
            except OSError:
                return False
