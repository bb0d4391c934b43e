"""The shipped flows and the shipped templates fit each other."""

import pytest
import yaml

from connectors.content import open_renderer
from connectors.content.template import Library


def sends(folder):
    """(flow, step) → what every step of the shipped flows sends: template, arms, payload."""
    for path in sorted(folder.glob("flow_*.yml")):
        (model,) = yaml.safe_load(path.read_text())["models"]
        for step in model["config"]["meta"]["flow"]["steps"]:
            for arm in (step, *step.get("branch", ())):
                if "send" in arm:
                    yield (
                        f"{path.stem}: {step['step']}",
                        arm["send"],
                        step.get("ab_test", {}),
                        arm.get("with", {}),
                    )


@pytest.fixture
def shipped(request):
    found = list(sends(request.config.rootpath / "dbt" / "models" / "marts" / "flows"))
    assert len(found) >= 15
    return found


def test_every_step_of_a_shipped_flow_has_its_template(shipped):
    assert [(step, template) for step, template, _, _ in shipped if template not in Library().names()] == []


def test_every_arm_of_a_test_is_a_variant_of_the_template(shipped):
    library = Library()
    unknown = [
        (step, arm)
        for step, template, arms, _ in shipped
        for arm in arms
        if arm not in library.spec(template).variants
    ]
    assert unknown == []


def test_a_step_hands_over_what_its_template_asks_for(shipped):
    library = Library()
    differing = [
        (step, payload)
        for step, template, _, payload in shipped
        if library.sample_context(template)["payload"].keys() != payload.keys()
    ]
    assert differing == []


def test_marketing_mails_stay_far_below_what_mailboxes_cut_off():
    renderer = open_renderer("secret", "https://shop.example")
    names = [name for name in renderer.library.names() if name.startswith("email/")]
    assert max(len(renderer.preview(name).html.encode()) for name in names) < 60_000
