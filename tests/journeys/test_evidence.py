"""A data manager's and an auditor's journeys: the rooms' own, with real processes and real HTTP.

The journeys of the rooms run against the views in one process, which is quicker; these are the
same steps and the same figures through a web server, a broker and a worker.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.coverage import test_coverage_journeys as coverage
from tests.journeys.conftest import Client, Service
from tests.predictions import test_calibration_journeys as calibration


@pytest.fixture(scope="module")
def manager(service: Service) -> Client:
    return service.client("manager")


def test_a_rater_pool_against_an_even_one(manager: Client, shared: Path) -> None:
    coverage.test_the_rater_pool_is_compared_with_an_even_one(manager, shared)  # type: ignore[arg-type]


def test_a_census_sample_against_the_census(manager: Client, shared: Path) -> None:
    coverage.test_a_census_sample_is_nearly_fine(manager, shared)  # type: ignore[arg-type]


def test_forecasts_of_games(manager: Client, shared: Path) -> None:
    calibration.test_nfl_games(manager, shared)  # type: ignore[arg-type]


def test_probabilities_of_ten_classes(manager: Client, shared: Path) -> None:
    calibration.test_cifar_vgg(manager, shared)  # type: ignore[arg-type]
