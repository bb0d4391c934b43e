"""schemathesis over the published document: whatever fits it, or does not, is answered as the document says.

It makes the calls and brings the checks: no failure of ours; no status, media type or body that the document does
not name; a refusal for whoever shows no key or a wrong one.
"""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from requests.auth import HTTPBasicAuth
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from connectors.collector.openapi import document
from tests.connectors.collector.browser import running_server
from tests.connectors.collector.visitor import marketing_link

PURPOSES = ("open", "click", "trap", "view", "unsubscribe", "preferences", "confirm")
TOKENS = {link[:3]: link[3:] for link in map(marketing_link, PURPOSES)}
SECRETS = {"SHOPIFY_WEBHOOK_SECRET": "secret", "WHATSAPP_VERIFY_TOKEN": "ours"}
FEW = settings(
    max_examples=4,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
# Events and forms are open: what is not known is kept or ignored. And the event contract knows more than a JSON
# schema can say. Both answers, 200 and 400, are held to the document by the other checks.
NOT_OURS = [negative_data_rejection, positive_data_acceptance]


@pytest.fixture
def schema(key):
    """The document, whose calls show a key that holds."""
    loaded = schemathesis.openapi.from_dict(document())
    loaded.auth.set_from_requests(HTTPBasicAuth(key, ""))
    return loaded


def is_mutable(operation):
    """Of a form any bytes are as good as any others; only JSON can be wrong."""
    return any("json" in body.media_type for body in operation.body)


@pytest.mark.parametrize("mode", GenerationMode, ids=lambda mode: mode.value)
def test_every_call_is_answered_as_the_document_says(make_app, schema, mode):
    with running_server(make_app(secrets=SECRETS)) as url:
        for found in schema.get_all_operations():
            operation = found.ok()
            if mode is GenerationMode.POSITIVE or is_mutable(operation):
                examine(operation, mode, url)


def examine(operation, mode, url):
    @FEW
    @given(case=operation.as_strategy(generation_mode=mode))
    def every_answer_is_documented(case):
        ask(case, url)
        if "token" in case.path_parameters:
            case.path_parameters["token"] = TOKENS[case.path[:3]]
            ask(case, url)
        if "sender" in case.path_parameters:
            case.path_parameters["sender"] = "shopify"
            ask(case, url)

    every_answer_is_documented()


def ask(case, url):
    answer = case.call(base_url=url, allow_redirects=False)
    case.validate_response(answer, excluded_checks=NOT_OURS)
