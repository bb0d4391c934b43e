"""Whatever happens in whatever order: the same people, within the limits, and every word can be taken back."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.dbt.identity_engine import LIMITS, TYPES, Identity, Sighting, compile_identity, hash_of, strength

SINGLES = ("user_id", "email", "phone", "anonymous_id")
NAMES = st.sampled_from([(kind, f"{kind[0]}{number}") for kind in TYPES for number in range(4)])


def at_most_one_of_a_kind(names: frozenset[tuple[str, str]]) -> bool:
    kinds = Counter(kind for kind, _ in names)
    return all(kinds[kind] <= 1 for kind in SINGLES)


HISTORIES = st.lists(
    st.tuples(
        st.integers(0, 500), st.frozensets(NAMES, min_size=1, max_size=3).filter(at_most_one_of_a_kind)
    ),
    min_size=1,
    max_size=25,
).map(lambda drawn: [Sighting(minute, f"e{number}", names) for number, (minute, names) in enumerate(drawn)])
A_FEW = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # a smaller example is not worth minutes of SQL
    print_blob=True,
)

Name = tuple[str, str]
Link = tuple[int, str, Name]


@pytest.fixture(scope="module")
def sql(tmp_path_factory):
    return compile_identity(tmp_path_factory.mktemp("identity"))


def people_by_the_book(sightings: list[Sighting]) -> set[frozenset[Name]]:
    """The rules in Python: first links make trees, trees make clusters, clusters beyond a limit are trees again."""
    links: dict[Name, dict[Name, Link]] = defaultdict(dict)
    for sighting in sorted(sightings):
        strongest = min(sighting.names, key=strength)
        for name in sighting.names:
            links[name].setdefault(strongest, (sighting.minute, sighting.event_id, strongest))
    seen = {name: min(link[0] for link in found.values()) for name, found in links.items()}
    order = sorted(seen, key=lambda name: (seen[name], *strength(name)))
    rank = {name: number for number, name in enumerate(order)}
    parents: dict[Name, Link] = {}
    accepted: list[tuple[Name, Name]] = []
    for name, found in links.items():
        upward = [link for other, link in found.items() if other != name]
        if upward and len(upward) <= LIMITS["shared_identifier_limit"]:
            parents[name] = min(upward, key=lambda link: (link[0], link[1], rank[link[2]]))
            accepted += [(name, link[2]) for link in upward]

    def root(name: Name) -> Name:
        return root(parents[name][2]) if name in parents else name

    cluster = {name: name for name in order}
    for one, other in accepted:
        old, new = cluster[one], cluster[other]
        cluster = {name: new if label == old else label for name, label in cluster.items()}
    groups: dict[Name, list[Name]] = defaultdict(list)
    for label in set(cluster.values()):
        members = [name for name in order if cluster[name] == label]
        users = sum(kind == "user_id" for kind, _ in members)
        within = (
            users <= LIMITS["user_ids_per_profile_limit"]
            and len(members) <= LIMITS["identifiers_per_profile_limit"]
        )
        trees: dict[Name, list[Name]] = defaultdict(list)
        for name in members:
            trees[label if within else root(name)].append(name)
        for tree, found in trees.items():
            found.sort(key=lambda name: (parents[name][0] if name in parents else -1, rank[name]))
            kept = len(found) if within else LIMITS["identifiers_per_profile_limit"]
            groups[tree] += found[:kept]
            groups.update({name: [name] for name in found[kept:]})
    return {frozenset(names) for names in groups.values()}


@A_FEW
@given(history=HISTORIES, data=st.data())
def test_any_order_and_any_batches_give_the_same_people_within_the_limits(sql, history, data):
    at_once, bit_by_bit = Identity(sql), Identity(sql)
    at_once.sees(*history)
    shuffled = data.draw(st.permutations(history))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(history)), max_size=4)) | {0, len(history)})
    for start, end in pairwise(cuts):
        bit_by_bit.sees(*shuffled[start:end])
    assert at_once.people() == people_by_the_book(history)
    assert bit_by_bit.rows() == at_once.rows()
    for person in at_once.people():
        assert sum(kind == "user_id" for kind, _ in person) <= LIMITS["user_ids_per_profile_limit"]
        assert len(person) <= LIMITS["identifiers_per_profile_limit"]


@A_FEW
@given(history=HISTORIES, data=st.data())
def test_what_is_unlinked_and_linked_again_is_as_before(sql, history, data):
    shop = Identity(sql)
    shop.sees(*history)
    before = shop.rows()
    strongest, *others = sorted(max(history, key=lambda sighting: len(sighting.names)).names, key=strength)
    for other in others:
        shop.hears("Unlinked", 600, other, strongest)
    for other in data.draw(st.permutations(others)):
        shop.hears("Relinked", 601, other, strongest)
    assert shop.rows() == before


def test_an_unlinked_pair_stays_apart_when_events_show_it_again_and_whatever_comes_first(sql):
    ann, phone = ("user_id", "ann"), ("phone", "+491")
    together = Sighting(1, "e1", frozenset([ann, phone]))
    later_event, earlier_word = Identity(sql), Identity(sql)
    later_event.sees(together)
    later_event.hears("Unlinked", 5, phone, ann)
    later_event.sees(Sighting(9, "e2", frozenset([ann, phone])))
    earlier_word.hears("Unlinked", 5, phone, ann)
    earlier_word.sees(together, Sighting(9, "e2", frozenset([ann, phone])))
    assert later_event.people() == earlier_word.people() == {frozenset([ann]), frozenset([phone])}


def test_a_new_link_rewrites_only_whom_it_concerns_however_many_there_are(sql):
    shop = Identity(sql)
    shop.sees(
        *(
            Sighting(number, f"e{number}", frozenset([("user_id", f"u{number}"), ("email", f"e{number}")]))
            for number in range(300)
        )
    )
    known_pair = shop.sees(Sighting(900, "again", frozenset([("user_id", "u7"), ("email", "e7")])))
    new_browser = shop.sees(Sighting(901, "new", frozenset([("user_id", "u7"), ("anonymous_id", "a7")])))
    assert known_pair == {"int_identifier_links": 0, "int_identifier_profiles": 0}
    assert new_browser == {"int_identifier_links": 1, "int_identifier_profiles": 1}


def test_a_split_is_told_to_both_halves(sql):
    shop = Identity(sql)
    ann, email, phone = ("user_id", "ann"), ("email", "a@x"), ("phone", "+491")
    shop.sees(Sighting(1, "e1", frozenset([ann, email])), Sighting(2, "e2", frozenset([ann, phone])))
    shop.hears("Unlinked", 5, phone, ann)
    moved = shop.connection.execute(
        """select identifier_id, former_profile_id, profile_id, moved_by_event_id
        from intermediate.int_identifier_profiles where moved_at is not null"""
    ).fetchall()
    newest = shop.connection.execute(
        """select distinct profile_id from intermediate.int_identifier_profiles
        where seen_at = (select max(seen_at) from intermediate.int_identifier_profiles)"""
    ).fetchall()
    assert moved == [(hash_of(phone), hash_of(ann), hash_of(phone), "word-5")]
    assert {profile for (profile,) in newest} == {hash_of(ann), hash_of(phone)}
