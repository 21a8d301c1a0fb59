"""What a scorer says of one person: which set, which reason, and what each expression was worth."""

from dataclasses import replace

import numpy as np
import pytest

from ml.features import columns_of
from ml.scoring.bundle import default_bundle_path, load
from ml.scoring.curve_token import CURVES, CurveToken
from ml.scoring.grades import EXPERIMENTAL, expected_grade
from ml.scoring.index import HypomimiaIndex
from ml.scoring.lstm import DiagnosisModel
from ml.scoring.lstm_network import DiagnosisConfig, DiagnosisNetwork
from ml.scoring.prediction import predict
from ml.scoring.scorer import ALPHA, Scorer
from ml.scoring.served_source import source_of
from tests.ml.scoring.test_bundle import invented

NAMES = ("smile", "disgust", "surprise")


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return load(default_bundle_path()).scorer


def test_the_set_holds_what_nine_of_ten_calibration_people_allow(scorer: Scorer) -> None:
    rows = [invented(seed) for seed in range(30)] + [{}]
    z = scorer.tokens(rows)
    p_values = predict(scorer.classifier, z).p_values
    sets = {score.prediction_set for score in scorer.score(rows)[:-1]}
    assert len(sets) > 1, "people of several kinds"
    for score, (no_pd, pd) in zip(scorer.score(rows)[:-1], p_values[:-1], strict=True):
        assert ("no_pd" in score.prediction_set) == (no_pd > 0.1)
        assert ("pd" in score.prediction_set) == (pd > 0.1)
    assert ALPHA == 0.1
    assert scorer.score(rows)[-1].prediction_set == (), "of nothing nothing is said"


@pytest.mark.parametrize(
    ("expressions", "reason"),
    [
        ((), "no_usable_expression"),
        (("smile",), "missing_expressions"),
        (("smile", "disgust"), None),
        (NAMES, None),
    ],
)
def test_how_many_expressions_are_enough(
    scorer: Scorer, expressions: tuple[str, ...], reason: str | None
) -> None:
    sure = replace(scorer, spread_limit=99.0)
    assert sure.score([invented(1, expressions)])[0].abstained == reason
    all_three = replace(sure, enough=3).score([invented(1, expressions)])[0].abstained
    assert all_three == (reason if len(expressions) in (0, 3) else "missing_expressions")


def test_two_expressions_are_enough_unless_it_is_said_otherwise(scorer: Scorer) -> None:
    plain = Scorer(scorer.norms, scorer.index, scorer.classifier, spread_limit=99.0)
    said = [plain.score([invented(1, NAMES[:n])])[0].abstained for n in (1, 2)]
    assert said == ["missing_expressions", None]
    z = plain.tokens([invented(1), invented(2)])
    found = plain.estimate(z, np.isfinite(z).any(axis=-1), None)
    assert found.grades.shape == (2, 5)
    assert np.isnan(found.grades).all()


def test_members_that_disagree_by_more_than_the_limit(scorer: Scorer) -> None:
    row = invented(1)
    spread = float(predict(scorer.classifier, scorer.tokens([row])).spread[0])
    for limit, reason in ((spread, None), (spread * 0.999, "model_uncertain")):
        assert replace(scorer, spread_limit=limit).score([row])[0].abstained == reason


def test_grades_and_why_there_are_none(scorer: Scorer) -> None:
    row = invented(2)
    (said,) = scorer.score([row])
    assert said.severity is not None
    assert list(said.severity) == ["0", "1", "2", "3", "4"]
    grades = np.array(list(said.severity.values()))
    assert said.severity_expected == pytest.approx(float(expected_grade(grades)))
    assert (said.severity_reason, said.severity_experimental) == (EXPERIMENTAL, True)
    (nothing,) = scorer.score([{}])
    told = (nothing.severity, nothing.severity_expected, nothing.severity_reason)
    assert told == (None, None, "no_usable_expression")
    assert not nothing.severity_experimental
    (without,) = replace(scorer, grades=None).score([row])
    told = (without.severity, without.severity_expected, without.severity_reason)
    assert told == (None, None, "not_trained_for_grades")
    assert (without.severity_experimental, without.p_pd) == (False, said.p_pd)
    assert scorer.grades is not None
    seen = replace(scorer.grades, trained_on={"experimental": False})
    (graded,) = replace(scorer, grades=seen).score([row])
    assert (graded.severity_reason, graded.severity_experimental) == (None, False)
    assert graded.severity == said.severity
    unknown = replace(scorer, grades=replace(scorer.grades, trained_on={}))
    assert unknown.score([row])[0].severity_experimental, "unless it is said otherwise"


def test_each_expression_is_left_out_by_itself(scorer: Scorer) -> None:
    row = invented(3)
    (said,) = scorer.score([row], 0.2)
    assert set(said.leave_one_out) == set(NAMES)
    for name, told in said.leave_one_out.items():
        kept = {k: v for k, v in row.items() if k not in columns_of(name)}
        (alone,) = scorer.score([kept], 0.2)
        assert told == {
            "hypomimia_index": pytest.approx(alone.hypomimia_index),
            "p_pd": pytest.approx(alone.p_pd),
        }
        assert name not in alone.attention
        assert set(alone.leave_one_out) == set(NAMES) - {name}
    assert scorer.score([invented(3, ("smile",))])[0].leave_one_out == {}


def test_a_failed_extraction_and_a_blank_are_missing(scorer: Scorer) -> None:
    row = invented(4)
    blank = {**row, **dict.fromkeys(columns_of("smile"))}
    failed = {**row, "smile_mouth-width_var": 0.0}
    z = scorer.tokens([row, blank, failed])
    assert z.shape == (3, 3, 14)
    assert np.isfinite(z[0]).all()
    assert np.isnan(z[1, 0]).all()
    assert np.isfinite(z[1, 1:]).all()
    lost = np.isnan(z[2, 0])
    assert sorted(np.array(columns_of("smile"))[lost]) == [
        "smile_mouth-width_mean",
        "smile_mouth-width_var",
    ]
    assert scorer.score([]) == []


def test_an_index_may_know_other_expressions_than_the_model(scorer: Scorer) -> None:
    """Another order, one that the model does not read, and without one that it does."""
    z = scorer.tokens([invented(n) for n in range(40)])
    people = np.stack([z[:, 2], np.zeros_like(z[:, 0]), z[:, 0]], axis=1)
    people += np.random.default_rng(0).normal(0, 0.1, people.shape)
    names = ("surprise", "free", "smile")
    borrowed = HypomimiaIndex.fit(names, people, reference="borrowed")
    other = replace(scorer, index=borrowed)
    turned = other.for_index(z)
    assert np.array_equal(turned[:, 0], z[:, 2])
    assert np.array_equal(turned[:, 2], z[:, 0])
    assert np.isnan(turned[:, 1]).all()
    (said,) = other.score([invented(5)])
    assert said.reference == "borrowed"
    assert said.hypomimia_index is not None
    assert other.score([invented(5, ("disgust",))])[0].hypomimia_index is None


def test_a_model_that_reads_curves_has_one_more_token(scorer: Scorer) -> None:
    model = DiagnosisModel(
        DiagnosisNetwork(DiagnosisConfig(expressions=("smile",))),
        source_of(load(default_bundle_path())).identity,
        prevalence=0.3,
    )
    token = CurveToken(model, np.zeros(64), np.ones(64))
    fusion = replace(scorer.classifier.spec.fusion, expressions=(*NAMES, CURVES))
    spec = replace(scorer.classifier.spec, fusion=fusion)
    reads = replace(scorer, curves=token, classifier=replace(scorer.classifier, spec=spec))
    assert reads.expressions == scorer.expressions == NAMES
    z = scorer.tokens([invented(6)])
    assert scorer._with_states(z, None) is z
    tokens = reads._with_states(z, None)
    assert tokens.shape == (1, 4, 64)
    assert np.isnan(tokens[:, 3]).all()
    assert np.array_equal(tokens[:, :3, :14], z)
    known = reads._with_states(z, np.full((1, 64), 0.5))
    assert (known[:, 3] == 0.5).all()
    states = reads.states([None, {}])
    assert states is not None
    assert np.isnan(states).all()
    assert states.shape == (2, 64)
    assert scorer.states([None]) is None
