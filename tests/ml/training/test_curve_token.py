"""The LSTM's last state in the fusion: out of fold, on one set of axes, masked where missing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.metrics import roc_auc_score

from ml.cohort.table import Cohort, read_table
from ml.errors import BundleError, SourceError
from ml.intensity.geometric import GeometricSource
from ml.intensity.source import IntensityCurve, RestReference, SourceIdentity
from ml.scoring import bundle as bundles
from ml.scoring import curve_token
from ml.scoring.balance import Balance
from ml.scoring.bundle import Bundle, default_bundle_path, load
from ml.scoring.classifier import ClassifierSpec
from ml.scoring.curve_sampling import stack
from ml.scoring.curve_token import (
    CURVES,
    Curves,
    CurveSettings,
    crossfit_states,
    fusion_with,
    join,
    mapped,
)
from ml.scoring.ensemble import Schedule
from ml.scoring.fusion import FusionConfig
from ml.scoring.lstm import DiagnosisModel, FitSettings, fit
from ml.scoring.lstm_network import DiagnosisConfig
from ml.scoring.scorer import Scorer
from ml.scoring.served_source import source_of
from ml.training.fusion import crossfit_plan, train_classifier
from tests.ml.people import EXPRESSIONS, write_people

GEOMETRIC = GeometricSource().identity
SETTINGS = CurveSettings(
    DiagnosisConfig(expressions=EXPRESSIONS, units=16, longest=4.0),
    FitSettings(epochs=12, rate=1e-2),
)
SPEC = ClassifierSpec(
    FusionConfig(EXPRESSIONS, width=8),
    balance=Balance(class_difficulty=0.0),
    schedule=Schedule(steps=60, batch=32, learning_rate=0.03),
    folds=3,
    members=1,
)
PEOPLE = 90


def moving(size: float, seed: int, source: SourceIdentity = GEOMETRIC) -> Curves:
    """Both expressions, made once, this strongly."""
    t = np.arange(40) / 10
    noise = np.random.default_rng(seed).normal(0, 0.02, (2, len(t)))
    shape = size * np.sin(np.pi * t / 4) ** 2
    return {
        name: IntensityCurve(name, t, np.abs(shape + more), source, RestReference.REST_CLIP)
        for name, more in zip(EXPRESSIONS, noise, strict=True)
    }


def filmed(pd: npt.NDArray[np.int64], seed: int) -> list[Curves]:
    """People with PD move about half as much."""
    rng = np.random.default_rng(seed)
    sizes = np.where(pd == 1, 0.5, 1.0) + rng.normal(0, 0.12, len(pd))
    return [moving(max(float(size), 0.05), seed + n) for n, size in enumerate(sizes)]


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """People whose features say nothing (strength 0): only their curves tell."""
    folder = tmp_path_factory.mktemp("people")
    return read_table(write_people(folder / "people.csv", people=PEOPLE, strength=0.0), name="own")


def states_of(people: list[Curves], pd: npt.NDArray[np.int64], settings: CurveSettings = SETTINGS):  # type: ignore[no-untyped-def]
    fold = crossfit_plan(pd, [f"p{n}" for n in range(len(pd))], SPEC)[0]
    return crossfit_states(people, pd, fold, settings)


def test_states_of_two_networks_meet_on_one_set_of_axes(tmp_path: Path) -> None:
    """Without the map a model of one's states says nothing about the other's."""
    pd = np.arange(60) % 2
    network = SETTINGS.network
    sessions = [stack(c, network.expressions, network.longest) for c in filmed(pd, 1)]
    first, second = (
        fit(sessions, pd, network, replace(SETTINGS.fit, seed=seed)).ask_all(sessions)[1]
        for seed in (0, 1)
    )
    train, test = np.arange(40), np.arange(40, 60)
    there = mapped(first[test], first[train], second[train])
    off = [np.square(found - second[test]).mean() for found in (first[test], there)]
    assert off[1] < 0.05 * off[0]


def test_the_fusion_learns_from_what_it_will_be_served(tmp_path: Path) -> None:
    pd = np.arange(PEOPLE) % 2
    states, token = states_of(filmed(pd, 1), pd)
    assert np.square(states - token.states(filmed(pd, 1))).mean() < 0.2, "in spreads, squared"


def test_nobodys_label_enters_the_network_that_gives_their_state(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Which rows each LSTM learns from, seen from outside: other labels in fold 1 change every LSTM
    but the one that left fold 1 out."""
    pd, fold = np.arange(30) % 2, np.arange(30) % 3
    people = filmed(pd, 1)
    quick = replace(SETTINGS, fit=FitSettings(epochs=1))
    trained: list[bytes] = []

    def noted(*arguments: object) -> DiagnosisModel:
        model = fit(*arguments)  # type: ignore[arg-type]
        state = model.network.state_dict()
        trained.append(b"".join(value.numpy().tobytes() for value in state.values()))
        return model

    monkeypatch.setattr(curve_token, "fit", noted)
    for labels in (pd, np.where(fold == 1, 1 - pd, pd)):
        states, _ = crossfit_states(people, labels, fold, quick)
        assert np.isfinite(states).all()
    same = [one == other for one, other in zip(trained[:4], trained[4:], strict=True)]
    assert same == [False, True, False, False], "fold 0, 1, 2 and the one that is served"


@pytest.fixture(scope="module")
def trained(cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A stored and loaded bundle that reads curves beside the features."""
    folder = tmp_path_factory.mktemp("trained")
    shipped = load(default_bundle_path())
    z = shipped.norms.z_tokens(EXPRESSIONS, cohort.tokens(EXPRESSIONS))
    states, token = states_of(filmed(cohort.pd, 1), cohort.pd)
    tokens = join(z, states)
    spec = replace(SPEC, fusion=fusion_with(SPEC.fusion, tokens), whiten=False)
    classifier = train_classifier(spec, tokens, cohort.pd, [f"p{n}" for n in range(PEOPLE)])
    scorer = Scorer(shipped.norms, shipped.scorer.index, classifier, 1e9, curves=token)
    bundles.save(
        folder / "bundle", name="lstm", version="1", metadata=dict(shipped.metadata),
        scorer=scorer, norms=shipped.norms, card="card",
    )  # fmt: skip
    return load(folder / "bundle")


def test_the_fusion_reads_the_state_and_does_without(trained: Bundle, tmp_path: Path) -> None:
    assert trained.expressions == EXPRESSIONS
    others = write_people(tmp_path / "others.csv", people=40, seed=3, strength=0.0)
    rows, pd = read_table(others, name="others").records(), np.arange(40) % 2
    people = filmed(pd, 9000)
    told = trained.score(rows, None, people)
    blind = trained.score(rows)
    assert roc_auc_score(pd, [s.p_pd for s in told]) > 0.9
    assert roc_auc_score(pd, [s.p_pd for s in blind]) < 0.75, "the features say nothing"
    assert told[0].attention.keys() == {*EXPRESSIONS, CURVES}
    assert sum(told[0].attention.values()) == pytest.approx(1)
    assert told[0].leave_one_out[CURVES]["p_pd"] == pytest.approx(blind[0].p_pd)
    assert blind[0].attention.keys() == set(EXPRESSIONS)
    assert sum(blind[0].attention.values()) == pytest.approx(1)
    assert [s.abstained for s in told] == [s.abstained for s in blind] == [None] * 40
    mixed = trained.score(rows[:2], None, [people[0], None])
    assert [s.p_pd for s in mixed] == pytest.approx([told[0].p_pd, blind[1].p_pd])


def test_leaving_an_expression_out_takes_its_curve_out_too(cohort: Cohort, trained: Bundle) -> None:
    (row,), (curves,) = cohort.records()[:1], filmed(np.array([1]), 77)
    left = trained.score([row], None, [curves])[0].leave_one_out["smile"]["p_pd"]
    kept = {k: v for k, v in row.items() if not k.startswith("smile_")}
    without = trained.score([kept], None, [{"disgust": curves["disgust"]}])[0].p_pd
    assert left == pytest.approx(without)


def test_curves_of_another_source_are_refused(cohort: Cohort, trained: Bundle) -> None:
    other = moving(1.0, 1, SourceIdentity("clip", "1", "c" * 64))
    with pytest.raises(SourceError, match="trained on curves of the geometric"):
        trained.score(cohort.records()[:1], None, [other])
    assert isinstance(source_of(trained), GeometricSource)
    assert trained.diagnosis is not None

    def served(source: SourceIdentity) -> object:
        older = replace(trained.diagnosis, source=source)  # type: ignore[type-var]
        curves = replace(trained.scorer.curves, model=older)  # type: ignore[type-var]
        return source_of(replace(trained, scorer=replace(trained.scorer, curves=curves)))

    parts = dict(GEOMETRIC.parts)
    # An expression that the LSTM does not read may be made otherwise since, or be new.
    assert served(replace(GEOMETRIC, digest="0" * 64, parts={**parts, "fear": "0" * 64}))
    for old in ({**parts, "smile": "0" * 64}, {}):
        with pytest.raises(SourceError, match="train the bundle anew"):
            served(replace(GEOMETRIC, digest="0" * 64, parts=old))


@pytest.mark.parametrize("file", ["diagnosis.json", "diagnosis.safetensors"])
def test_a_lost_or_changed_lstm_is_named(trained: Bundle, file: str) -> None:
    path = trained.folder / "diagnosis" / file
    kept = path.read_bytes()
    try:
        path.write_bytes(kept + b" ")
        with pytest.raises(BundleError, match=f"diagnosis/{file} was changed"):
            load(trained.folder)
        path.unlink()
        with pytest.raises(BundleError, match=f"diagnosis/{file} is missing"):
            load(trained.folder)
    finally:
        path.write_bytes(kept)
    assert load(trained.folder).digest == trained.digest
