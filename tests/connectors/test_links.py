"""Links in messages: signed, without personal data, and good for one thing only."""

from base64 import urlsafe_b64decode
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.links import PURPOSES, BadLink, Link, Links, named_in

LINKS = Links("secret", "https://shop.example/")
CLICK = Link("click", "message-1", "profile-1", "email", "https://shop.example/p?a=1&b=ü")


@pytest.mark.parametrize("purpose", PURPOSES.values())
def test_a_link_comes_back_as_it_was_signed(purpose):
    link = Link(
        purpose, "message-1", "profile-1", "email", "https://shop.example" if purpose == "click" else None
    )
    assert LINKS.read(LINKS.url(link)) == link


def test_a_link_stands_under_the_public_address():
    assert LINKS.url(CLICK).startswith("https://shop.example/c/")


@given(st.data())
def test_a_link_with_any_one_character_changed_never_means_anything_else(data):
    url = LINKS.url(CLICK)
    place = data.draw(st.integers(len("https://shop.example/c/"), len(url) - 1))
    letter = data.draw(st.sampled_from("abcXYZ019-_.").filter(lambda letter: letter != url[place]))
    with suppress(BadLink):
        # The last letter of a signature has bits to spare; such a link is as good as the original.
        assert LINKS.read(url[:place] + letter + url[place + 1 :]) == CLICK


def test_a_click_cannot_be_turned_into_an_unsubscription():
    with pytest.raises(BadLink):
        LINKS.read(LINKS.url(CLICK).replace("/c/", "/u/"))


def test_the_target_of_a_click_cannot_be_replaced():
    token = LINKS.url(CLICK).rpartition("/")[2]
    other = Links("another secret", "https://shop.example").url(
        Link("click", "message-1", "profile-1", "email", "https://evil.example")
    )
    forged = other.rpartition(".")[0] + "." + token.rpartition(".")[2]
    with pytest.raises(BadLink):
        LINKS.read(forged)


@pytest.mark.parametrize("url", ["", "/", "/c/", "https://shop.example/c/nonsense", "/c/YQ.YQ", "/x/é"])
def test_nonsense_is_refused(url):
    with pytest.raises(BadLink):
        LINKS.read(url)


def test_the_same_message_gives_the_same_link_for_ever():
    assert LINKS.url(CLICK) == Links("secret", "https://shop.example").url(CLICK)


def test_a_token_holds_ids_and_the_target_and_nothing_else():
    payload = LINKS.url(CLICK).rpartition("/")[2].partition(".")[0]
    decoded = urlsafe_b64decode(payload + "==").decode()
    assert decoded.split("\n") == ["c", "message-1", "profile-1", "email", CLICK.url]


def test_a_text_tells_which_message_its_links_belong_to():
    links = Links("secret", "https://shop.example")
    ours = [
        links.url(Link("click", f"message-{number}", "p", "sms", "https://shop.example/cart"))
        for number in (1, 2)
    ]
    text = f"Your cart: {ours[0]} or {ours[1]}, see https://elsewhere.example/c/bm90IG91cnM.{'x' * 43}"
    assert named_in(text) == {"message-1", "message-2"}
