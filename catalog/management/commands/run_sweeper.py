"""Ring again for runs that no worker heard, and free those whose worker died; runs for ever."""

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import connection

from catalog import beats, runs
from catalog.models import WorkerBeat
from catalog.outages import DATABASE_ERRORS, is_outage
from catalog.reading.problems import counted


class Command(BaseCommand):
    help = "Find runs that were lost by the broker or by a worker, and ring for them again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--interval", type=float, default=2.0, help="seconds between sweeps")
        parser.add_argument("--once", action="store_true", help="sweep once and stop")

    def handle(self, *args: Any, **options: Any) -> None:
        stopped = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopped.set())
        while not stopped.is_set():
            self.sweep()
            if options["once"]:
                return
            stopped.wait(options["interval"])

    def sweep(self) -> None:
        """One sweep; a database that is away is waited for."""
        try:
            beats.beat(WorkerBeat.Kind.SWEEPER)
            if rang := runs.sweep():
                self.stdout.write(f"rang again for {counted(rang, 'run')}")
        except DATABASE_ERRORS as error:
            if not is_outage(error):
                raise
            self.stderr.write(f"the database could not be reached: {error}")
            connection.close()
