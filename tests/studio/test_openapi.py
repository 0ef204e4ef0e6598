"""The description of the API is complete: a property-based tester finds nothing that it does not say."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import CHECKS

from tests.studio.serving import serving, studio_on

OPERATIONS = [
    ("GET", "/api/about"), ("GET", "/api/models"), ("GET", "/api/model"), ("GET", "/api/experiments"),
    ("GET", "/api/concepts"), ("GET", "/api/indexes"), ("POST", "/api/tokens"), ("POST", "/api/runs"), ("GET", "/api/runs"),
    ("GET", "/api/runs/{id}"), ("DELETE", "/api/runs/{id}"), ("POST", "/api/runs/{id}/pause"),
    ("POST", "/api/runs/{id}/resume"), ("POST", "/api/runs/{id}/stop"), ("POST", "/api/runs/{id}/continue"),
    ("GET", "/api/runs/{id}/result"), ("GET", "/api/runs/{id}/download"), ("GET", "/api/runs/{id}/events"),
]  # fmt: skip
# What a form means is more than its schema says: a layer that the model does not have is refused, and has to be. So not all data
# that follows the schema can be accepted.
LEFT_OUT = ("positive_data_acceptance",)
NOTHING_TO_GET_WRONG = ("/api/about", "/api/models", "/api/experiments", "/api/concepts", "/api/indexes")
EXAMPLES = 40
# Wrong data may be so long that it is refused before it is read.
CONFIG = {"checks": {"negative_data_rejection": {"expected-statuses": [400, 404, 405, 413, 415, 422]}}}


@pytest.fixture(scope="module")
def api(loaded, tmp_path_factory):
    """The described API of a studio on tiny models, in which every queue has room."""
    studio = studio_on(tmp_path_factory.mktemp("openapi") / "runs", {"minilm": loaded["tiny"]})
    with serving(studio) as url:
        yield schemathesis.openapi.from_url(f"{url}/openapi.json", config=schemathesis.Config.from_dict(CONFIG))


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode))
def test_an_operation_answers_as_it_says(api, method, path, mode):
    if mode.is_negative and path in NOTHING_TO_GET_WRONG:
        pytest.skip("it is given nothing")
    checks = [check for check in CHECKS.get_all() if check.__name__ not in LEFT_OUT]
    strategy = api[path][method].as_strategy(generation_mode=mode)

    @given(strategy)
    @settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    def answers(case):
        case.call_and_validate(checks=checks, timeout=60)

    answers()


def test_all_operations_are_described(api):
    found = [operation.ok() for operation in api.get_all_operations()]
    assert sorted((operation.method.upper(), operation.path) for operation in found) == sorted(OPERATIONS)
