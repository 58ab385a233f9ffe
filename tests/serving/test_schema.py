"""The service keeps the word of its own OpenAPI description, whatever it is sent."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.serving.pets import pets_app

pytestmark = pytest.mark.slow

HOST = {"Host": "127.0.0.1:8000"}
OPERATIONS = {
    ("GET", "/health"): ["positive"],
    ("GET", "/ready"): ["positive"],
    ("GET", "/model"): ["positive"],
    ("POST", "/predict"): ["positive", "negative"],
    ("POST", "/label"): ["positive", "negative"],
    ("POST", "/reload"): ["positive"],
}
CASES = [(*operation, mode) for operation, modes in OPERATIONS.items() for mode in modes]


@pytest.fixture(scope="module")
def schemathesis():
    return pytest.importorskip("schemathesis", reason="fuzzing needs the package schemathesis")


@pytest.fixture(scope="module")
def described(schemathesis):
    """Return our own description of the service, as schemathesis reads it in this process."""
    app = pets_app(max_batch=6, max_explained=3, max_text_characters=50)
    return schemathesis.openapi.from_asgi("/openapi.json", app, headers=HOST)


def test_every_operation_is_described_and_fuzzed(described):
    found = {(each.ok().method.upper(), each.ok().path) for each in described.get_all_operations()}
    assert found == set(OPERATIONS)


@pytest.mark.parametrize(("method", "path", "mode"), CASES)
def test_every_answer_is_as_described(schemathesis, described, method, path, mode):
    cases = described[path][method].as_strategy(generation_mode=schemathesis.GenerationMode(mode))
    # Text of the right media type need not be a table, nor an object have a model's fields, which
    # differ from one model to the next.
    depends = path in {"/label", "/predict"}
    skipped = [schemathesis.checks.positive_data_acceptance] if depends else []

    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def fuzz(data):
        data.draw(cases).call_and_validate(headers=HOST, excluded_checks=skipped)

    fuzz()
