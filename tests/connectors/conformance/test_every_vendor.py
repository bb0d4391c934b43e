"""The suite runs by itself: a vendor without a case here fails, and so does a suite that nothing could fail."""

import asyncio
import inspect
import pkgutil
from importlib import import_module
from pathlib import Path

import connectors
from connectors.vendors import VENDORS
from tests.connectors.conformance.far_end import nobody
from tests.connectors.conformance.suite import Conformance

NO_VENDORS = ("connectors.delivery.", "connectors.forwarding.")
"""Folders and profile updates have nobody at the far end; whoever gets webhooks knows a repetition by its id, so
that a doubt is sent again, which no vendor here may see (`tests/connectors/forwarding` has their cases)."""


def senders():
    """Every class of ours that sends over a wire."""
    for module in pkgutil.walk_packages(connectors.__path__, "connectors."):
        if module.name.startswith((*NO_VENDORS, "connectors.migrations")):
            continue
        for _, found in inspect.getmembers(import_module(module.name), inspect.isclass):
            if found.__module__ == module.name and all(
                hasattr(found, name) for name in ("send", "serves", "close")
            ):
                yield found


def cases():
    """Every case of this folder."""
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        module = import_module(f"tests.connectors.conformance.{path.stem}")
        for name, found in inspect.getmembers(module, inspect.isclass):
            if name.startswith("Test") and issubclass(found, Conformance):
                yield found()


def opened_by(case):
    async def run():
        sender = case.open(case.url(nobody()), 1)
        await sender.close()
        return sender

    return asyncio.run(run())


def test_every_vendor_has_a_case():
    covered = {type(opened_by(case)) for case in cases()}
    assert {found.__name__ for found in set(senders()) - covered} == set()


def test_every_vendor_is_in_the_registry_under_its_channel_and_name():
    opened = [opened_by(case) for case in cases()]
    classes = {
        (each.channel, each.provider): f"{type(each).__module__}:{type(each).__name__}" for each in opened
    }
    assert classes == VENDORS


def test_a_case_is_about_the_vendor_that_it_names():
    for case in cases():
        sender = opened_by(case)
        assert (type(case).__name__, sender.provider) == (type(case).__name__, case.provider)


def test_every_absent_case_has_a_reason():
    for case in cases():
        assert all(len(reason) > 10 for reason in case.absent.values()), type(case).__name__
