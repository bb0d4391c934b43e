"""The suite is a library of tests: its assertions shall say what was expected, too."""

import pytest

pytest.register_assert_rewrite("tests.connectors.conformance.suite")
