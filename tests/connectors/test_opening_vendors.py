"""Every vendor of this package opens from names in the environment; a secret that is none is named at once."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from connectors.providers import Providers, ProvidersError
from connectors.vendors import open_senders


def pem(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


GOOGLES = {
    "project_id": "shop",
    "client_email": "push@shop.example",
    "private_key": pem(rsa.generate_private_key(65537, 2048)),
    "token_uri": "https://oauth2.example",
}
SECRETS = {
    "TWILIO_ACCOUNT_SID": "AC1",
    "TWILIO_AUTH_TOKEN": "token",
    "TWILIO_SENDER": "+436640000000",
    "WHATSAPP_ACCESS_TOKEN": "EAAG",
    "WHATSAPP_PHONE_NUMBER_ID": "1065",
    "FCM_SERVICE_ACCOUNT": json.dumps(GOOGLES),
    "APNS_KEY": pem(ec.generate_private_key(ec.SECP256R1())),
    "APNS_KEY_ID": "KEY1234567",
    "APNS_TEAM_ID": "TEAM123456",
    "APNS_TOPIC": "example.shop",
    "WEB_PUSH_PRIVATE_KEY": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE",
    "WEB_PUSH_CONTACT": "mailto:hello@shop.example",
}
CHANNELS = {
    "sms": [{"provider": "twilio"}],
    "whatsapp": [{"provider": "whatsapp"}, {"provider": "twilio"}],
    "push": [{"provider": "fcm"}, {"provider": "apns"}, {"provider": "web_push"}],
}


@pytest.fixture
def opened(tmp_path):
    def run(**changes):
        return open_senders(
            Providers.model_validate({"channels": CHANNELS}),
            SECRETS | changes,
            tmp_path,
            "hello@shop.example",
        )

    return run


def test_each_channel_has_its_vendors_in_order(opened):
    names = {channel: [sender.provider for sender in senders] for channel, senders in opened().items()}
    assert names == {channel: [spec["provider"] for spec in specs] for channel, specs in CHANNELS.items()}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FCM_SERVICE_ACCOUNT", "{}"),
        ("FCM_SERVICE_ACCOUNT", json.dumps(GOOGLES | {"private_key": "k"})),
        ("APNS_KEY", "-----BEGIN NOTHING-----"),
        ("WEB_PUSH_PRIVATE_KEY", "AA"),
        ("WEB_PUSH_PRIVATE_KEY", "!"),
    ],
)
def test_a_secret_that_is_none_is_named_before_anything_is_sent(opened, name, value):
    with pytest.raises(ProvidersError, match=f"MILLRACE_{name}"):
        opened(**{name: value})


def test_every_token_is_served_by_one_of_the_vendors(opened, message):
    tokens = ["a1" * 32, "dXJt:APA91bHun4", '{"endpoint": "https://web.push.apple.com/x"}']
    owners = [
        [
            sender.provider
            for sender in opened()["push"]
            if sender.serves(message(channel="push", address=token))
        ]
        for token in tokens
    ]
    assert owners == [["apns"], ["fcm"], ["web_push"]]
