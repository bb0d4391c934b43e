"""The channels that a flow can send on are those that templates and vendors exist for."""

import pytest
from pydantic import TypeAdapter, ValidationError

from connectors.content.template import CONTENT
from connectors.vendors import OURS, VENDORS
from dagster_project.activation import CHANNELS
from dagster_project.flows.fields import TemplateName

NAMES = TypeAdapter(TemplateName)


@pytest.mark.parametrize("channel", sorted(path.name for path in (CONTENT / "templates").iterdir()))
def test_a_channel_with_templates_can_be_sent_on_and_is_delivered(channel):
    assert NAMES.validate_python(f"{channel}/welcome") == f"{channel}/welcome"
    assert channel in CHANNELS
    assert channel in {place for place, _ in [*VENDORS, *OURS]}


def test_a_channel_without_vendors_cannot_be_named():
    with pytest.raises(ValidationError):
        NAMES.validate_python("fax/welcome")
