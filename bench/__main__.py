"""``./trust bench NAME [options]``: run one comparison; without a name, say which there are.

Peers are kept out of the product's environment: ``pip install --no-deps --target PEERS -r
bench/requirements.txt``, then ``BENCH_PEERS=PEERS ./trust bench NAME``. A peer that is not
installed is named and left out.
"""

from __future__ import annotations

import os
import sys

import django
from django.core.management import call_command

# Before numpy: one thread for matrices, as a worker has it. What threads do while they wait for
# short sums would be counted as work, ours as well as a peer's.
import trust_project.celery  # noqa: F401

COMPARISONS = ("agreement", "calibration", "coverage", "crowds", "ensembles", "ingest")


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] not in COMPARISONS:
        print(f"usage: ./trust bench NAME [options]; the names are: {', '.join(COMPARISONS)}")
        return 2
    # Last, so that it hides nothing of ours.
    sys.path += filter(None, [os.environ.get("BENCH_PEERS")])
    django.setup()
    call_command("migrate", verbosity=0)
    module = __import__(f"bench.{arguments[0]}", fromlist=["main"])
    module.main(arguments[1:])
    return 0


sys.exit(main(sys.argv[1:]))
