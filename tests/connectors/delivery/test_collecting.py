"""Garbage is collected less often during a run, and as before after it."""

import gc

import pytest

from connectors.delivery.collecting import RARELY, few_collections


def fails():
    with few_collections():
        assert (gc.get_threshold(), gc.get_freeze_count() > 0) == (RARELY, True)
        raise ZeroDivisionError


def test_the_usual_pace_comes_back_whatever_happens():
    usual = gc.get_threshold()
    with pytest.raises(ZeroDivisionError):
        fails()
    assert (gc.get_threshold(), gc.get_freeze_count()) == (usual, 0)
