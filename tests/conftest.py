"""The order of the whole suite."""

LONGEST = "tests/end_to_end/test_online_retail.py"


def pytest_collection_modifyitems(items):
    """The longest file goes first: it keeps one worker busy while the others take the rest."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))
