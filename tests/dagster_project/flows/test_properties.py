"""What holds for every flow, and for every mistake."""

import copy
import string

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dagster_project.flows.compile import compile_flow
from dagster_project.flows.problems import FlowError
from dagster_project.flows.words import duration_words, parse_duration

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

names = st.text(string.ascii_lowercase + "_", min_size=1, max_size=12).filter(lambda name: name[0] != "_")
durations = st.builds("{} {}".format, st.integers(1, 20), st.sampled_from(["minutes", "hours", "days"]))
templates = st.sampled_from(
    ["email/cart_reminder", "email/cart_offer", "email/cart_last_call", "sms/cart_nudge"]
)
payloads = st.dictionaries(
    names, st.one_of(st.integers(), st.text(max_size=8), st.booleans()), min_size=1, max_size=3
)
actions = st.one_of(
    st.builds(lambda template: {"send": template}, templates),
    st.builds(lambda template, payload: {"send": template, "with": payload}, templates, payloads),
    st.builds(lambda payload: {"update_profile": payload}, payloads),
    st.builds(
        lambda name, priority: {"webhook": name, "priority": priority},
        st.sampled_from(["erp", "loyalty"]),
        st.integers(0, 100),
    ),
)
branches = st.builds(
    lambda action, negated, other: {
        "branch": [{"if": "not engaged" if negated else "engaged", **action}, {"else": True, **other}]
    },
    actions, st.booleans(), st.one_of(st.just({}), actions),
)  # fmt: skip
splits = st.builds(
    lambda share, template: {"send": template, "ab_test": {"first": f"{share}%", "second": f"{100 - share}%"}},
    st.integers(0, 100), templates,
)  # fmt: skip
moments = st.one_of(
    st.just({}),
    st.builds(lambda wait: {"wait": wait}, durations),
    st.builds(lambda hour: {"at": f"{hour:02}:30"}, st.integers(0, 23)),
    st.builds("not engaged or after {}".format, durations).map(lambda until: {"wait_until": until}),
)
bodies = st.lists(st.builds(lambda moment, body: moment | body, moments, st.one_of(actions, branches, splits)),
                  min_size=1, max_size=6)  # fmt: skip


@st.composite
def definitions(draw):
    """A valid definition that uses the whole vocabulary."""
    return {
        "reenter": draw(st.one_of(st.sampled_from(["never", "always"]), durations.map("after {}".format))),
        "hold_out": f"{draw(st.integers(0, 100))}%",
        "exit_on": draw(st.lists(st.sampled_from(["ordered", "cart_emptied"]), max_size=3)),
        "goal": {"signal": "ordered", "within": draw(durations)},
        "conditions": {"engaged": {"any_of": ["message_opened", {"trait": "country", "is": "DE"}]}},
        "steps": [{"step": f"step_{number}", **body} for number, body in enumerate(draw(bodies))],
    }


@given(definition=definitions())
@QUICK
def test_the_same_words_in_any_order_give_the_same_rows(written, definition):
    backwards = {word: definition[word] for word in reversed(definition)}
    backwards["steps"] = [{word: step[word] for word in reversed(step)} for step in definition["steps"]]
    assert compile_flow(written.flow(backwards)) == compile_flow(written.flow(definition))


@given(definition=definitions())
@QUICK
def test_the_stored_definition_compiles_to_the_same_rows(written, definition):
    flow = written.flow(definition)
    assert compile_flow(written.flow(flow.definition.words())) == compile_flow(flow)


@given(definition=definitions(), bucket=st.floats(0, 1, exclude_max=True))
@QUICK
def test_every_step_has_an_arm_for_everybody_even_when_no_condition_holds(written, definition, bucket):
    rows = compile_flow(written.flow(definition))
    for step in rows.flow_steps:
        arms = [arm for arm in rows.flow_arms if arm.step == step.step]
        open_to_all = [
            arm for arm in arms if arm.condition is None and arm.share_from <= bucket < arm.share_to
        ]
        assert len(open_to_all) == 1


@given(seconds=st.integers(1, 5_256_000).map(lambda minutes: minutes * 60))
@QUICK
def test_durations_are_read_as_they_are_written(seconds):
    assert parse_duration(duration_words(seconds)) == seconds


anything = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=8),
        st.dates(),
        st.binary(max_size=3),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=5), inner, max_size=2)
    ),
    max_leaves=4,
)


def places(value, path=()):
    """Every path into a definition."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from places(inner, (*path, key))


@st.composite
def mutations(draw):
    """A valid definition with one value replaced, one key renamed, or one value taken out."""
    definition = copy.deepcopy(draw(definitions()))
    *above, last = draw(st.sampled_from(sorted(places(definition), key=str)))
    holder = definition
    for key in above:
        holder = holder[key]
    change = draw(st.sampled_from(["replace", "rename", "remove"]))
    if change == "replace":
        holder[last] = draw(anything)
    else:
        value = holder.pop(last)
        if change == "rename" and isinstance(holder, dict):
            holder[draw(st.one_of(st.text(max_size=8), st.integers(), st.none(), st.booleans()))] = value
    return definition


def problems(written, definition):
    """The typed problems of a definition; anything else that is raised fails the test."""
    try:
        written.flow(definition)
    except FlowError as error:
        return error.problems or ("an error without a problem",)
    return ()


def is_told(problem):
    """Whether a problem says where it is and what is wrong."""
    return bool(problem.file == "flow_cart_recovery.yml" and problem.field and problem.message)


@given(definition=mutations())
@QUICK
def test_a_mutated_definition_is_understood_or_refused_in_words(written, definition):
    assert all(is_told(problem) for problem in problems(written, definition))


@given(data=st.data())
@QUICK
def test_a_mutated_text_is_understood_or_refused_in_words(written, data):
    text = written.example
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 9)))
    junk = data.draw(st.text("abc{}[]:,-#&*!|>'\"%@` \n\t019~.", max_size=6))
    mutated = text[:start] + junk + text[end:]
    assert all(is_told(problem) for problem in problems(written, mutated))
