"""Segments: what a network charges for, by the published limits of GSM 03.38."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.sms.segments import BASIC, EXTENSION, Segments, estimate, measure

SMILE = "\N{SMILING FACE WITH OPEN MOUTH}"


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("", Segments("GSM-7", 0, 1)),
        ("a" * 160, Segments("GSM-7", 160, 1)),
        ("a" * 161, Segments("GSM-7", 161, 2)),
        ("a" * 306, Segments("GSM-7", 306, 2)),
        ("a" * 307, Segments("GSM-7", 307, 3)),
        ("€" * 80, Segments("GSM-7", 160, 1)),
        ("Grüße, Señor: £5 @ Ærø", Segments("GSM-7", 22, 1)),
        ("ç", Segments("UCS-2", 1, 1)),
        ("ç" * 70, Segments("UCS-2", 70, 1)),
        ("ç" * 71, Segments("UCS-2", 71, 2)),
        ("ç" * 134, Segments("UCS-2", 134, 2)),
        ("ç" * 135, Segments("UCS-2", 135, 3)),
        (SMILE * 35, Segments("UCS-2", 70, 1)),
    ],
)
def test_a_text_takes_the_segments_that_networks_charge(text, segments):
    assert measure(text) == segments


def test_an_escaped_character_is_not_cut_in_two():
    assert measure("a" * 152 + "€" + "a" * 152).count == 3
    assert measure("a" * 151 + "€" + "a" * 153).count == 2


def test_a_surrogate_pair_is_not_cut_in_two():
    assert measure("ç" * 66 + SMILE + "ç" * 66).count == 3
    assert measure("ç" * 65 + SMILE + "ç" * 67).count == 2


def test_the_alphabet_is_the_published_one():
    assert (len(BASIC), len(EXTENSION), BASIC & EXTENSION) == (127, 10, frozenset())


@settings(deadline=None)
@given(st.text(max_size=400), st.text(max_size=400))
def test_more_text_never_takes_fewer_segments(text, more):
    assert measure(text + more).count >= measure(text).count


@settings(deadline=None)
@given(st.text(alphabet=sorted(BASIC | EXTENSION), max_size=700))
def test_parts_are_never_fuller_than_a_network_allows(text):
    segments = measure(text)
    assert segments.encoding == "GSM-7"
    assert segments.units <= (160 if segments.count == 1 else 153 * segments.count)
    assert segments.units > 152 * (segments.count - 1) or segments.count == 1


def test_the_cost_is_the_price_of_the_country_times_the_segments():
    prices = {"AT": Decimal("0.07"), "*": Decimal("0.05")}
    costs = [estimate("a" * 200, country, prices).cost for country in ("AT", "FR", None)]
    assert costs == [Decimal("0.14"), Decimal("0.10"), Decimal("0.10")]
