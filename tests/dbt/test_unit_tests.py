"""The unit tests that stand beside the models, in their YAML."""

from datetime import datetime


def test_all_of_them_pass(built_project):
    results = built_project.project.command(["test", "--select", "test_type:unit"], datetime(2026, 3, 10))
    told = {result.unique_id: result for result in results if result.unique_id.startswith("unit_test.")}
    assert told.keys() == built_project.project.manifest().unit_tests.keys() != set()
    assert {name: result.message for name, result in told.items() if result.status != "pass"} == {}
