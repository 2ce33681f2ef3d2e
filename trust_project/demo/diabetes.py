"""442 diabetes patients, a population that they could be meant for, and a small model.

Efron, B., Hastie, T., Johnstone, I. and Tibshirani, R. (2004), "Least angle regression", Annals of
Statistics 32(2), 407-499; the figures come with scikit-learn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from trust_project.demo.client import Client

SLUG = "demo-diabetes"
DATASET = f"datasets/{SLUG}/"
POPULATION = "us-adults-2000"
MODEL = "logistic-regression"
COVERAGE = f"{DATASET}coverage/?population={POPULATION}"
CALIBRATION = f"{DATASET}calibration/?model={MODEL}"

#: The source codes sex as 1 and 2 without saying which is which; see the description.
SEX = {1: "F", 2: "M"}
YOUNGEST_BAND = "0-19"
BANDS = ("20-29", "30-39", "40-49", "50-59", "60-69", "70-79")
#: Disease progression after a year that counts as fast; half of the patients lie above.
FAST = 140
FOLDS = 5

DESCRIPTION = (
    "442 diabetes patients with age, sex and disease progression after a year; Efron, Hastie, "
    "Johnstone and Tibshirani (2004), as shipped with scikit-learn. The source does not say which "
    "code is which sex: code 2 has the lower HDL cholesterol and the higher blood pressure, as "
    "men have, so 1 is read as F and 2 as M. No patient was chosen to represent the United "
    "States: the comparison with its adults shows what the service does."
)

# United States, Census 2000 (IPUMS): men and women by the first of five years of age.
CENSUS_2000 = {
    20: (9_731_315, 9_324_244),
    25: (9_659_493, 9_518_507),
    30: (10_205_879, 10_119_296),
    35: (11_475_182, 11_635_647),
    40: (11_320_252, 11_488_578),
    45: (9_925_006, 10_261_253),
    50: (8_507_934, 8_911_133),
    55: (6_459_082, 6_921_268),
    60: (5_123_399, 5_668_961),
    65: (4_453_623, 4_804_784),
    70: (3_792_145, 5_184_855),
    75: (2_912_655, 4_355_644),
}


@dataclass(frozen=True)
class Patients:
    """The data set as arrays of 442: ages, sexes, outcomes, and the model's word on each."""

    age: NDArray[np.int64]
    sex: list[str]
    is_fast: NDArray[np.bool_]
    fold: NDArray[np.int64]
    probability: NDArray[np.float64]

    @property
    def names(self) -> list[str]:
        return [f"patient-{number:03d}" for number in range(1, len(self.age) + 1)]


def patients() -> Patients:
    """Read the data set and predict each patient by a model that never saw them."""
    source = load_diabetes(scaled=False)
    is_fast = source.target > FAST
    fold, probability = out_of_fold(source.data, is_fast)
    return Patients(
        source.data[:, 0].astype(np.int64),
        [SEX[int(code)] for code in source.data[:, 1]],
        is_fast,
        fold,
        probability,
    )


def out_of_fold(
    features: NDArray[np.float64], is_fast: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The fold of each patient, and the probability that the model of the other folds gives."""
    fold = np.zeros(len(is_fast), np.int64)
    probability = np.zeros(len(is_fast))
    splits = StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(features, is_fast)
    for number, (seen, unseen) in enumerate(splits):
        model = make_pipeline(StandardScaler(), LogisticRegression())
        model.fit(features[seen], is_fast[seen])
        fold[unseen] = number
        probability[unseen] = model.predict_proba(features[unseen])[:, 1]
    return fold, probability


def items_table(found: Patients) -> str:
    return csv("item,age,sex", found.names, found.age.tolist(), found.sex)


def references_table(found: Patients) -> str:
    labels = ["yes" if is_fast else "no" for is_fast in found.is_fast.tolist()]
    return csv("item,label", found.names, labels)


def predictions_table(found: Patients) -> str:
    # Six digits: the last ones of a fit differ between machines, and the same data are one file.
    stated = [f"{p:.6f}" for p in found.probability.tolist()]
    return csv("item,fold,probability", found.names, found.fold.tolist(), stated)


def population_table() -> str:
    """Weights by sex and ten years of age, from the census's five."""
    rows = [
        (sex, f"{first}-{first + 9}", CENSUS_2000[first][place] + CENSUS_2000[first + 5][place])
        for first in range(20, 80, 10)
        for place, sex in enumerate("MF")
    ]
    return csv("sex,age,weight", *zip(*rows, strict=True))


def csv(header: str, *columns: Any) -> str:
    rows = [",".join(map(str, row)) for row in zip(*columns, strict=True)]
    return "\n".join([header, *rows, ""])


def send_patients(client: Client, found: Patients) -> dict[str, Any]:
    """Define the data set and its population and send both; what became of the patients."""
    name = "Diabetes patients (demonstration)"
    client.define("datasets/", SLUG, {"slug": SLUG, "name": name, "description": DESCRIPTION})
    # Three patients are 19: they have a band of their own, which the population has not.
    age = {"name": "age", "kind": "numeric", "bands": [YOUNGEST_BAND, *BANDS]}
    client.define(f"{DATASET}attributes/", "age", age)
    sex = {"name": "sex", "values": ["F", "M"], "sensitive": True}
    client.define(f"{DATASET}attributes/", "sex", sex)
    population = {
        "name": POPULATION,
        "source": "United States, Census 2000, adults aged 20 to 79 (IPUMS, by way of the "
        "population.json of vega-datasets)",
        "url": "https://usa.ipums.org/",
        "year": 2000,
    }
    client.define(f"{DATASET}populations/", POPULATION, population)
    upload = client.upload(DATASET, "items", items_table(found), filename="patients.csv")
    census = {"population": POPULATION, "filename": "census-2000.csv"}
    client.upload(DATASET, "population", population_table(), **census)
    return dict(upload["rows"])


def send_predictions(client: Client, found: Patients) -> dict[str, Any]:
    """Define the question and the model, and send outcomes and predictions."""
    question = {"name": "fast", "scale": "nominal", "values": ["no", "yes"]}
    client.define(f"{DATASET}questions/", "fast", question)
    model = {
        "name": MODEL,
        "version": "1",
        "question": "fast",
        "classes": ["no", "yes"],
        "positive_class": "yes",
        "out_of_fold": True,
    }
    client.define(f"{DATASET}models/", MODEL, model)
    outcomes = references_table(found)
    client.upload(
        DATASET, "reference-labels", outcomes, question="fast", filename="progression.csv"
    )
    stated = predictions_table(found)
    upload = client.upload(DATASET, "predictions", stated, model=MODEL, filename="out-of-fold.csv")
    return dict(upload["rows"])
