"""A shop's nights: what is trained when, what is taken into use, what is written, what is refused."""

import json
from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl
import pytest
import skops.io

from dagster_project.predictive import assets, boosted, features, run, training
from dagster_project.predictive.churn import CHURN
from dagster_project.predictive.files import ModelFileError, load, unpack
from dagster_project.predictive.run import asked, folder_of, train_models
from dagster_project.predictive.scoring import score
from dagster_project.predictive.store import version_in_use
from dagster_project.runs import TimeRunsForwardError
from dagster_project.settings import Settings
from dagster_project.warehouse import open_warehouse
from tests.dagster_project.predictive.shops import OPENED, simulated_orders, stock

NOW = OPENED + timedelta(days=300)
TABLES = ("scores", "scorings", "drift", "versions", "evaluations", "deciles")


@pytest.fixture(scope="module", autouse=True)
def few_trees():
    """What is tested here needs no good trees."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(boosted.SETTINGS, "max_iter", 10)
        yield


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    """A shop after its first night: churn and revenue of a year are trained, and everybody is scored."""
    settings = Settings.under(tmp_path_factory.mktemp("night"))
    with pytest.MonkeyPatch.context() as patch, open_warehouse(settings) as warehouse:
        stock(warehouse, simulated_orders(600, 320))
        patch.setattr(run, "MODELS", MODELS)
        train_models(settings, warehouse, MODELS, NOW)
        score(warehouse, asked(settings, warehouse, NOW), NOW)
        yield settings, warehouse


@pytest.fixture
def shop(night, tmp_path, monkeypatch):
    """A copy of it that a test may change."""
    monkeypatch.setattr(run, "MODELS", MODELS)
    settings = Settings.under(tmp_path)
    night[1].snapshot(settings.warehouse_path)
    for path in night[0].models.rglob("*.*"):
        copy = settings.models / path.relative_to(night[0].models)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    with open_warehouse(settings) as warehouse:
        yield settings, warehouse


def content(warehouse):
    return {
        table: sorted(
            str({name: f"{value:.9g}" if isinstance(value, float) else value for name, value in row.items()})
            for row in warehouse.query(f"from raw_predictions.{table}").to_pylist()
        )
        for table in TABLES
    }


MODELS = tuple(
    model for model in run.MODELS if model.name in {"churn_probability", "expected_revenue_365_days"}
)


def test_a_night_leaves_a_score_of_every_customer_and_how_good_it_is(night):
    _, warehouse = night
    (row,) = warehouse.query("""
        select count(*) as scored, count(distinct profile_id) as customers, min(churn_probability) as low,
            max(churn_probability) as high, min(expected_revenue_365_days) as least
        from raw_predictions.scores""").to_pylist()
    (known,) = warehouse.query(
        "select count(distinct profile_id) as customers from commerce.orders where ordered_at < ?", [NOW]
    ).to_pylist()
    assert row["scored"] == row["customers"] == known["customers"]
    assert 0 <= row["low"] < row["high"] <= 1
    assert row["least"] >= 0
    versions = warehouse.query("select model, is_promoted, judged_horizon_days from raw_predictions.versions")
    assert sorted(map(tuple, (one.values() for one in versions.to_pylist()))) == [
        ("churn_probability", True, 90),
        ("expected_revenue_365_days", True, 90),
    ]
    figures = warehouse.query(
        "select distinct contender from raw_predictions.evaluations where model = 'churn_probability'"
    )
    assert set(figures["contender"].to_pylist()) == {
        "rule_of_thumb",
        "buy_till_you_die",
        "linear",
        "boosted",
        "mean",
    }


def test_the_same_night_twice_changes_nothing(shop):
    settings, warehouse = shop
    before = content(warehouse)
    train_models(settings, warehouse, MODELS, NOW)
    score(warehouse, asked(settings, warehouse, NOW), NOW)
    assert content(warehouse) == before


def test_scores_never_go_back_in_time(shop):
    settings, warehouse = shop
    with pytest.raises(TimeRunsForwardError, match="scored as of 2025-10-28 00:00:00 already"):
        score(warehouse, asked(settings, warehouse, NOW), NOW - timedelta(days=1))


def test_scoring_in_parts_says_the_same(shop, monkeypatch):
    settings, warehouse = shop
    before = content(warehouse)["scores"]
    monkeypatch.setattr("dagster_project.predictive.scoring.AT_A_TIME", 100)
    steps = []
    score(warehouse, asked(settings, warehouse, NOW), NOW, lambda *step: steps.append(step))
    assert content(warehouse)["scores"] == before
    assert steps[-1] == (len(steps), len(steps))
    assert len(steps) > 2


def test_history_stays_small_and_who_is_no_customer_any_more_loses_the_score(shop):
    settings, warehouse = shop
    (gone,) = warehouse.query("select min(profile_id) as profile_id from raw_predictions.scores").to_pylist()
    warehouse.execute("delete from commerce.orders where profile_id = ?", [gone["profile_id"]])
    customers = warehouse.query("select count(*) as n from raw_predictions.scores")["n"][0].as_py()
    for days in (1, 2, 450):
        moment = NOW + timedelta(days=days)
        score(warehouse, asked(settings, warehouse, moment), moment)
    kept = warehouse.query(
        "select profile_id, churn_probability, scored_at from raw_predictions.scores"
    ).to_pylist()
    assert len({row["profile_id"] for row in kept}) == len(kept) >= customers
    assert {row["scored_at"] for row in kept} == {moment}
    assert [row["churn_probability"] for row in kept if row["profile_id"] == gone["profile_id"]] == [None]
    assert warehouse.query("select count(*) as n from raw_predictions.scorings")["n"][0].as_py() == len(
        MODELS
    )


def test_models_are_trained_again_after_a_week(shop):
    settings, warehouse = shop
    soon, later = NOW + timedelta(days=6), NOW + timedelta(days=7)
    (young,) = train_models(settings, warehouse, [CHURN], soon)
    (new,) = train_models(settings, warehouse, [CHURN], later)
    assert (young.trained_at, new.trained_at) == (NOW, later)
    judged = warehouse.query(
        "select distinct contender from raw_predictions.evaluations where version = ?", [new.version]
    )
    assert "in_use" in judged["contender"].to_pylist()


def test_a_version_that_is_worse_than_the_one_in_use_is_refused_and_the_old_one_speaks_on(shop, monkeypatch):
    """It learns from labels of which a third are wrong: better than the mean, but worse than what is in use."""
    settings, warehouse = shop
    honest, dice = training.train_on, np.random.default_rng(2)

    def learn_badly(model, known, holdout, in_use):
        wrong = pl.Series(dice.random(len(known)) < 0.35) & (known["as_of"] < holdout)
        labels = (
            pl.when(wrong).then(1 - pl.col("next_purchases").clip(0, 1)).otherwise(pl.col("next_purchases"))
        )
        return honest(model, known.with_columns(labels.alias("next_purchases")), holdout, in_use)

    monkeypatch.setattr(training, "train_on", learn_badly)
    monkeypatch.setattr("dagster_project.predictive.contest.BASELINES", {"rule_of_thumb": None})
    week = NOW + timedelta(days=7)
    (bad,) = train_models(settings, warehouse, [CHURN], week)
    assert not bad.is_promoted
    assert "is worse than the version in use: brier" in bad.refusal
    assert version_in_use(warehouse, CHURN.name, week).trained_at == NOW
    (told,) = [one for one in asked(settings, warehouse, week) if one.model == CHURN.name]
    assert told.version == f"{NOW:%Y%m%dT%H%M%S}"


def test_a_version_with_a_feature_that_knows_the_future_is_refused(shop, monkeypatch, tmp_path):
    settings, warehouse = shop
    leaky = features.QUERY.read_text().replace(
        "max(case when place_from_last = 1 then revenue end) as last_value",
        "(select max(o.revenue) from {orders} as o where o.profile_id = spaced.profile_id) as last_value",
    )
    (tmp_path / "features.sql").write_text(leaky)
    monkeypatch.setattr(features, "QUERY", tmp_path / "features.sql")
    (version,) = train_models(settings, warehouse, [CHURN], NOW + timedelta(days=8))
    assert (version.is_promoted, version.leaking_features) == (False, "last_value")
    assert version.refusal == "features know the future: last_value"


def test_a_young_shop_hears_what_is_missing(tmp_path):
    settings, now = Settings.under(tmp_path), OPENED + timedelta(days=60)
    with open_warehouse(settings) as warehouse:
        stock(warehouse, simulated_orders(50, 60))
        for _ in range(2):
            train_models(settings, warehouse, run.MODELS, now)
            said = score(warehouse, asked(settings, warehouse, now), now)
        versions = warehouse.query("select count(*) as n from raw_predictions.versions").to_pylist()
        scores = warehouse.query("select distinct churn_probability from raw_predictions.scores").to_pylist()
    assert said[0].reason == "churn_probability needs 240 days of orders, and there are 59"
    assert versions == [{"n": len(MODELS)}]
    assert scores == []


def test_customers_who_changed_are_noticed(shop):
    settings, warehouse = shop
    quiet = score(warehouse, asked(settings, warehouse, NOW), NOW)[0].drift
    assert max(quiet.values()) < 0.01
    warehouse.execute("update commerce.orders set revenue = revenue * 100")
    loud = score(warehouse, asked(settings, warehouse, NOW), NOW)[0].drift
    assert loud["mean_value"] > 1
    assert loud["silent_days"] < 0.01


def test_a_card_tells_people_what_a_file_is(shop):
    settings, _ = shop
    (path,) = (settings.models / CHURN.name).glob("*.json")
    card = json.loads(path.read_text())
    assert card["version"] == path.stem
    assert card["cutoff"] == str(NOW - timedelta(days=90))
    assert card["figures"][card["contender"]]["brier"] < card["figures"]["mean"]["brier"]
    assert {"scikit-learn", "numpy"} <= set(card["libraries"])
    assert "silent_days" in card["features"]


def test_a_file_that_was_changed_is_refused(shop):
    settings, warehouse = shop
    (path,) = (settings.models / CHURN.name).glob("*.skops")
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(
        ModelFileError, match="is not the file that was trained: its hash differs; write a new one"
    ):
        asked(settings, warehouse, NOW)
    path.unlink()
    with pytest.raises(ModelFileError, match=f"models/{CHURN.name}/{path.name} is missing"):
        asked(settings, warehouse, NOW)
    (again,) = train_models(settings, warehouse, [CHURN], NOW)
    assert load(folder_of(settings, CHURN), again.version, again.file_hash).judged_horizon_days == 90


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (skops.io.dumps({"contender": "rule_of_thumb"}), "holds no trained model but dict"),
        (skops.io.dumps(run.Predicted((), ())), "not trusted: dagster_project.predictive.run.Predicted"),
        (b"import os", "is not a model file"),
    ],
)
def test_a_file_with_anything_else_inside_is_refused(content, message):
    with pytest.raises(ModelFileError, match=message):
        unpack(content, "models/x/y.skops")


def test_dagster_shows_a_refusal_a_leak_and_a_drift(shop, monkeypatch):
    settings, warehouse = shop
    key = assets.key_of(CHURN)
    version = version_in_use(warehouse, CHURN.name, NOW)
    worse = replace(version, is_promoted=False, refusal="worse than the version in use")
    leaky = replace(
        version, is_promoted=False, refusal="features know the future", leaking_features="last_value"
    )
    verdicts = [
        {check.check_name: check.passed for check in assets.version_checks(key, one)}
        for one in (version, worse, leaky)
    ]
    assert verdicts == [
        {"better_than_baseline": True, "no_leaking_features": True},
        {"better_than_baseline": False, "no_leaking_features": True},
        {"better_than_baseline": True, "no_leaking_features": False},
    ]
    monkeypatch.setattr(assets, "FEWEST_CUSTOMERS", 100)
    calm = score(warehouse, asked(settings, warehouse, NOW), NOW)
    warehouse.execute("update commerce.orders set revenue = revenue * 100")
    upset = score(warehouse, asked(settings, warehouse, NOW), NOW)
    assert [check.passed for check in assets.drift_checks(calm)] == [True, True]
    assert [check.passed for check in assets.drift_checks(upset)] == [False, False]
