"""45 patients, each rated for fitness for a general anaesthetic by five anaesthetists.

Dawid, A. P. and Skene, A. M. (1979), "Maximum likelihood estimation of observer error-rates using
the EM algorithm", Applied Statistics 28(1), 20-28, Table 1.
"""

from __future__ import annotations

from typing import Any

from trust_project.demo.client import Client

SLUG = "demo-anaesthesia"
DATASET = f"datasets/{SLUG}/"
RESULT = f"{DATASET}agreement/?question=fitness"

# One word a patient: the three ratings of anaesthetist 1, then one each of anaesthetists 2 to 5.
RATINGS = """
    1111111 3334334 1122122 2223121 2223222 2223322 1222111 3333433 2222223
    2322223 4444444 2223343 1111111 2223212 1211111 1112111 1111111 1111111
    2222221 2221322 2222222 2222221 2223222 2212222 1111111 1111111 2322222
    1111111 1111111 1121121 1111111 3333233 1111111 2222222 2223232 4334343
    2212232 2323233 3333432 1111111 1111111 1212111 2322222 1211111 2222222
"""
#: Anaesthetist and round of each letter of a word.
PLACES = ((1, 1), (1, 2), (1, 3), (2, 1), (3, 1), (4, 1), (5, 1))

DESCRIPTION = (
    "Fitness for a general anaesthetic, from 1 (fit) to 4 (unfit): 45 patients, 5 anaesthetists, "
    "of whom the first rated every patient three times. Dawid and Skene (1979), Applied "
    "Statistics 28(1), Table 1."
)


def labels() -> list[tuple[str, str, int, str]]:
    """Patient, anaesthetist, round and rating of each of the 315 ratings."""
    return [
        (f"patient-{number:02d}", f"anaesthetist-{who}", time, rating)
        for number, word in enumerate(RATINGS.split(), start=1)
        for (who, time), rating in zip(PLACES, word, strict=True)
    ]


def table() -> str:
    rows = [",".join(map(str, row)) for row in labels()]
    return "\n".join(["item,annotator,round,label", *rows, ""])


def send(client: Client) -> dict[str, Any]:
    """Define the data set and its question, and send the ratings; what became of the rows."""
    name = "Anaesthetists rate fitness (demonstration)"
    client.define("datasets/", SLUG, {"slug": SLUG, "name": name, "description": DESCRIPTION})
    question = {"name": "fitness", "scale": "ordinal", "values": ["1", "2", "3", "4"]}
    client.define(f"{DATASET}questions/", "fitness", question)
    upload = client.upload(DATASET, "labels", table(), question="fitness", filename="ratings.csv")
    return dict(upload["rows"])
