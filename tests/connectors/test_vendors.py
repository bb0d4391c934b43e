"""`providers.yml` and the vendors that it names: what is wrong is said in full, what is right is opened."""

from datetime import date, datetime, timedelta

import pytest
import yaml

from connectors.delivery.policies import Late, WarmUp
from connectors.delivery.sender import Rate
from connectors.providers import Providers, ProvidersError, load_providers
from connectors.vendors import OURS, VENDORS, _load, open_senders, reaches_people

FROM = "Shop <hello@Shop.example>"


def providers(**channels):
    return Providers.model_validate({"channels": channels})


def opened(tmp_path, credentials=None, **channels):
    senders = open_senders(providers(**channels), credentials or {}, tmp_path, FROM)
    return {channel: [sender.provider for sender in listed] for channel, listed in senders.items()}


def test_without_any_account_everything_stays_on_this_machine(tmp_path):
    senders = open_senders(load_providers(), {}, tmp_path, FROM)
    assert {channel: [sender.provider for sender in listed] for channel, listed in senders.items()} == {
        "email": ["console"],
        "sms": ["console"],
        "whatsapp": ["console"],
        "push": ["console"],
        "profile": ["landing"],
        "webhook": ["console"],
    }
    assert reaches_people(senders) is False


def test_with_a_mail_server_mails_leave(tmp_path):
    senders = open_senders(load_providers(), {"SMTP_URL": "smtp://localhost"}, tmp_path, FROM)
    assert ([sender.provider for sender in senders["email"]], reaches_people(senders)) == (["smtp"], True)


def test_several_providers_are_opened_in_the_order_of_failover(tmp_path):
    secrets = {"SMTP_URL": "smtp://localhost", "POSTMARK_SERVER_TOKEN": "t", "SENDGRID_API_KEY": "k"}
    order = ["sendgrid", "smtp", "postmark"]
    assert opened(tmp_path, secrets, email=[{"provider": name} for name in order]) == {"email": order}


def test_every_vendor_has_a_class_that_says_the_same_of_itself(tmp_path):
    said = {place: (_load(place).channel, _load(place).provider) for place in VENDORS}
    assert said == {place: place for place in VENDORS}
    ours = {place: build(tmp_path, FROM) for place, build in OURS.items()}
    assert {place: (sender.channel, sender.provider) for place, sender in ours.items()} == {
        p: p for p in OURS
    }


def test_everything_that_is_missing_is_named_at_once(tmp_path):
    with pytest.raises(ProvidersError) as error:
        opened(
            tmp_path, sms=[{"provider": "twilio"}], email=[{"provider": "postmark"}, {"provider": "pigeon"}]
        )
    assert str(error.value).splitlines() == [
        "sms/twilio: set MILLRACE_TWILIO_ACCOUNT_SID, MILLRACE_TWILIO_AUTH_TOKEN",
        "email/postmark: set MILLRACE_POSTMARK_SERVER_TOKEN",
        "email: there is no provider 'pigeon'; there are: console, postmark, sendgrid, ses, smtp",
    ]


def test_an_option_that_the_vendor_does_not_take_is_named(tmp_path):
    with pytest.raises(ProvidersError, match="smtp: no option colour; there are: url, mail_from"):
        opened(tmp_path, {"SMTP_URL": "smtp://x"}, email=[{"provider": "smtp", "options": {"colour": 1}}])


def test_a_rate_of_the_file_takes_the_place_of_the_vendors(tmp_path):
    spec = {"provider": "smtp", "rate": {"per_second": 14, "concurrent": 2}}
    (sender,) = open_senders(providers(email=[spec]), {"SMTP_URL": "smtp://x"}, tmp_path, FROM)["email"]
    assert sender.rate == Rate(14, 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("channels: {pigeon: [{provider: x}]}", "channels.pigeon: Input should be 'email', 'sms'"),
        ("channels: {email: []}", "channels.email: Tuple should have at least 1 item"),
        (
            "channels: {email: [{provider: smtp, rate: {per_second: 0}}]}",
            "channels.email.0.rate.per_second: ",
        ),
        ("channels: {email: [{name: smtp}]}", "channels.email.0.provider: Field required"),
        (
            "channels: {}\nlate_send: {marketing: {then: drop}}",
            "late_send.marketing.then: Input should be 'send', 'skip' or 'ask'",
        ),
        (
            "channels: {}\nunknown: {policies: {marketing: resend}}",
            "'never_resend' or 'resend_after_horizon'",
        ),
        ("channels: [", "cannot be read"),
    ],
)
def test_a_mistake_is_told_with_file_field_and_allowed_words(text, message, tmp_path):
    path = tmp_path / "mine.yml"
    path.write_text(text)
    with pytest.raises(ProvidersError) as error:
        load_providers(path)
    assert str(error.value).startswith("mine.yml")
    assert message in str(error.value)


def test_policies_come_from_the_file_and_a_domain_warms_up_for_all_its_providers():
    plan = {"starts_on": date(2026, 3, 1), "per_day": [50, 100]}
    declared = Providers.model_validate(
        {
            "channels": {
                "email": [{"provider": "ses", "warm_up": plan}, {"provider": "smtp"}],
                "sms": [{"provider": "twilio"}],
            },
            "domains": {"shop.example": {"starts_on": date(2026, 3, 2), "per_day": [10]}},
            "late_send": {"marketing": {"then": "ask", "after_hours": 6}},
            "unknown": {"horizon_hours": 2, "policies": {"transactional": "resend_after_horizon"}},
        }
    ).policies(FROM)
    of_domain = WarmUp("shop.example", date(2026, 3, 2), (10,))
    assert declared.warm_up == {
        ("email", "ses"): (WarmUp("email/ses", date(2026, 3, 1), (50, 100)), of_domain),
        ("email", "smtp"): (of_domain,),
        ("sms", "twilio"): (),
    }
    assert declared.late == {"marketing": Late("ask", timedelta(hours=6))}
    assert (declared.unknown, declared.unknown_horizon) == (
        {"transactional": "resend_after_horizon"},
        timedelta(hours=2),
    )


def test_a_plan_knows_its_days():
    plan = WarmUp("x", date(2026, 3, 2), (50, 100))
    days = [plan.limit(datetime(2026, 3, day, 12)) for day in (1, 2, 3, 4)]
    assert days == [0, 50, 100, None]


def test_the_examples_in_the_shipped_file_are_right():
    path = load_providers.__defaults__[0]
    lines = [line.removeprefix("# ") for line in path.read_text().splitlines()]
    start = lines.index("email:")
    example = yaml.safe_load("\n".join(lines[start : start + 6]))
    assert [spec.provider for spec in Providers(channels=example).channels["email"]] == ["ses", "postmark"]
