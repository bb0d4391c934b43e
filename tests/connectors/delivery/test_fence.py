"""The clone fence: copies and restored installations send nothing; the one that is in use never notices it."""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.delivery import fence
from connectors.delivery.fence import FenceError, arm, fenced, look
from connectors.store import open_store
from tests.connectors.postgres import create_database

NOW = datetime(2026, 3, 2, 10)


class Home:
    """An installation: a folder with a fence file and, unless told otherwise, its ledger."""

    def __init__(self, folder, store_url=None):
        self.folder = folder
        self.fence = folder / "fence.json"
        self.store_url = store_url or f"sqlite:///{folder / 'ledger.sqlite'}"

    def run(self):
        store = open_store(self.store_url)
        try:
            with fenced(store, self.fence, NOW):
                return "sent"
        except FenceError as error:
            return str(error)
        finally:
            store.close()

    def arm(self):
        store = open_store(self.store_url)
        arm(store, self.fence, NOW, "Ada")
        store.close()

    def copy_to(self, folder, store_url=None):
        return Home(shutil.copytree(self.folder, folder), store_url)


@pytest.fixture
def home(tmp_path):
    made = Home(tmp_path / "home")
    assert made.run() == "sent"
    return made


@pytest.fixture
def shared(tmp_path, postgres_url):
    """A home whose ledger is in PostgreSQL."""
    made = Home(tmp_path / "home", create_database(postgres_url, "production"))
    assert made.run() == "sent"
    yield made
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
        for name in ("production", "staging"):
            connection.execute(f"drop database if exists {name} with (force)")


def test_an_installation_in_use_never_notices_the_fence(home):
    assert [home.run() for _ in range(5)] == ["sent"] * 5


def test_a_home_that_is_moved_or_gets_another_owner_or_mode_goes_on(home, tmp_path):
    moved = Home(home.folder.rename(tmp_path / "moved"))
    moved.fence.chmod(0o640)
    assert moved.run() == "sent"


def test_a_copied_home_refuses_and_says_what_to_type(home, tmp_path):
    copy = home.copy_to(tmp_path / "copy")
    assert "the home folder is a copy" in copy.run()
    assert "`millrace fence arm --by NAME`" in copy.run()
    assert home.run() == "sent"


def test_a_home_restored_in_its_own_place_refuses(home, tmp_path):
    backup = home.copy_to(tmp_path / "backup")
    home.run()
    shutil.rmtree(home.folder)
    restored = backup.copy_to(tmp_path / "home")
    assert "restored" in restored.run()


def test_a_home_restored_over_its_own_files_refuses(home, tmp_path):
    backup = home.copy_to(tmp_path / "backup")
    home.run()
    for name in ("fence.json", "ledger.sqlite"):
        (home.folder / name).write_bytes((backup.folder / name).read_bytes())
    assert "restored" in home.run()


def test_a_ledger_restored_from_before_the_last_run_refuses(home, tmp_path):
    backup = home.copy_to(tmp_path / "backup")
    home.run()
    shutil.copy(backup.folder / "ledger.sqlite", home.folder / "ledger.sqlite")
    assert "one is from a backup" in home.run()


def test_an_emptied_ledger_refuses(home):
    (home.folder / "ledger.sqlite").unlink()
    assert "does not know this home folder" in home.run()


def test_a_home_that_lost_its_fence_file_refuses(home):
    home.fence.unlink()
    assert "lost its fence file" in home.run()


def test_a_person_arms_a_copy_and_it_sends(home, tmp_path):
    copy = home.copy_to(tmp_path / "copy")
    copy.run()
    copy.arm()
    assert [copy.run() for _ in range(2)] == ["sent"] * 2


def test_a_second_home_of_a_ledger_is_let_in_by_a_person_and_both_send(shared, tmp_path):
    second = Home(tmp_path / "second", shared.store_url)
    assert "another home folder" in second.run()
    second.arm()
    assert [each.run() for each in (second, shared, second)] == ["sent"] * 3


def test_a_copied_home_of_a_shared_ledger_refuses_also_when_the_copy_was_armed(shared, tmp_path):
    copy = shared.copy_to(tmp_path / "copy", shared.store_url)
    assert "copy" in copy.run()
    copy.arm()
    assert copy.run() == "sent"
    assert "does not know this home folder" in shared.run()


def test_a_cloned_database_refuses(shared, postgres_url):
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("create database staging template production")
    clone = Home(shared.folder, f"{postgres_url.rpartition('/')[0]}/staging")
    assert "another database" in clone.run()


def test_senders_of_one_home_that_start_together_do_not_stop_each_other(home):
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: home.run(), range(12))) == {"sent"}


class Killed(BaseException):
    """The process is gone."""


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deaths=st.lists(st.integers(0, 3), min_size=1, max_size=6))
def test_a_process_that_dies_in_the_middle_of_an_exchange_never_closes_the_fence(deaths, tmp_path_factory):
    home = Home(tmp_path_factory.mktemp("fence") / "home")
    home.run()
    for death in deaths:
        store, passed = open_store(home.store_url), iter(range(100))

        def dies(step, passed=passed, death=death):
            def wrapped(*arguments):
                if next(passed) == death:
                    raise Killed
                result = step(*arguments)
                if next(passed) == death:
                    raise Killed
                return result

            return wrapped

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(fence, "_write", dies(fence._write))
            try:
                with fenced(store, home.fence, NOW):
                    if next(passed) == death:
                        os.utime(home.folder)  # a run that does other things
            except Killed:
                pass
            finally:
                store.close()
        assert home.run() == "sent"


def test_looking_changes_nothing(home, tmp_path):
    store = open_store(home.store_url)
    assert [look(store, home.fence).state for _ in range(2)] == ["armed", "armed"]
    assert look(store, tmp_path / "nothing.json").state == "closed"
    store.close()
