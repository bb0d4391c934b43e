import pytest

from tests.end_to_end.collector import Collector


@pytest.fixture
def collector(tmp_path):
    running = Collector(tmp_path)
    running.start()
    yield running
    if running.process.poll() is None:
        running.kill()
