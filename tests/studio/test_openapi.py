"""The description of the API is complete: a property-based tester finds nothing that it does not say."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import CHECKS

from tests.studio.serving import serving, studio_on

# What a form means is more than its schema says: a layer that the model does not have is refused, and has to be. All data that
# follows the schema cannot be accepted.
LEFT_OUT = ("positive_data_acceptance",)


@pytest.fixture(scope="module")
def api(loaded, tmp_path_factory):
    """The described API of a studio on tiny models."""
    studio = studio_on(tmp_path_factory.mktemp("openapi") / "runs", loaded)
    with serving(studio) as url:
        yield schemathesis.openapi.from_url(f"{url}/openapi.json")


schema = schemathesis.pytest.from_fixture("api")


@schema.parametrize()
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_operation_answers_as_it_says(case):
    checks = [check for check in CHECKS.get_all() if check.__name__ not in LEFT_OUT]
    case.call_and_validate(
        checks=checks, timeout=60, headers={"Accept": "application/json"} if "events" not in case.path else None
    )


def test_all_operations_are_described(api):
    found = {(operation.ok().method.upper(), operation.ok().path) for operation in api.get_all_operations()}
    assert found == {
        ("GET", "/api/about"), ("GET", "/api/models"), ("GET", "/api/model"), ("GET", "/api/experiments"),
        ("GET", "/api/concepts"), ("GET", "/api/indexes"), ("POST", "/api/tokens"), ("POST", "/api/runs"), ("GET", "/api/runs"),
        ("GET", "/api/runs/{id}"), ("DELETE", "/api/runs/{id}"), ("POST", "/api/runs/{id}/pause"),
        ("POST", "/api/runs/{id}/resume"), ("POST", "/api/runs/{id}/stop"), ("POST", "/api/runs/{id}/continue"),
        ("GET", "/api/runs/{id}/result"), ("GET", "/api/runs/{id}/download"), ("GET", "/api/runs/{id}/events"),
    }  # fmt: skip
