"""The order of the whole suite."""

LONGEST = (
    "tests/end_to_end/test_online_retail.py",
    "tests/stories",
    "tests/dbt/test_core_increments.py",
    "tests/dbt/test_segments.py",
    "tests/dagster_project/demo/test_run.py",
    "tests/flows",
    "tests/dbt",
)


def pytest_collection_modifyitems(items):
    """What takes longest goes first: each file keeps one worker busy while the others take the rest."""

    def place(item):
        return next(
            (number for number, path in enumerate(LONGEST) if item.nodeid.startswith(path)), len(LONGEST)
        )

    items.sort(key=place)
