"""The shipped bundle: verified, served, and refusing to be anything but what was saved."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml.errors import BundleError
from ml.features import columns_of
from ml.files import canonical
from ml.files import sha256 as digest_of
from ml.scoring.bundle import (
    CARD,
    DESCRIPTION,
    HASHED,
    NORMS,
    WEIGHTS,
    Bundle,
    default_bundle_path,
    load,
    save,
)

GOLDEN = Path(__file__).parent / "golden-scores.json"


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load(default_bundle_path())


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(default_bundle_path(), tmp_path / "bundle"))


def invented(seed: int, expressions: tuple[str, ...] = ("smile", "disgust", "surprise")) -> dict:
    generator = np.random.default_rng(seed)
    values = {}
    for name in (name for e in expressions for name in columns_of(e)):
        middle = 0.003 if name.endswith("_var") else 0.4
        values[name] = round(float(middle * np.exp(0.5 * generator.normal())), 7)
    return values


def test_it_says_what_it_is(bundle: Bundle) -> None:
    assert bundle.expressions == ("smile", "disgust", "surprise")
    assert len(bundle.digest) == 64
    assert 0 < bundle.metadata["prevalence"] < 1
    assert {"name", "licence", "sha256"} <= bundle.sources[0].keys()
    for word in ("Intended use", "not a diagnosis", "Known failures", "reproduce", "split hash"):
        assert word.lower() in bundle.card.lower()


def test_every_number_is_there_for_a_whole_session(bundle: Bundle) -> None:
    score = bundle.score([invented(1)])[0]
    assert 0 < score.hypomimia_index < 100
    low, high = score.p_pd_interval
    assert low <= score.p_pd <= high
    assert sum(score.attention.values()) == pytest.approx(1, abs=1e-5)
    assert sum(score.severity.values()) == pytest.approx(1)
    assert 0 <= score.severity_expected <= 4
    assert score.severity_experimental
    assert set(score.leave_one_out) == {"smile", "disgust", "surprise"}


@pytest.mark.parametrize("prevalence", [None, 0.02])
def test_the_interval_is_wider_than_what_the_members_say(
    bundle: Bundle, prevalence: float | None
) -> None:
    """That they agree is one part of how sure it is; how many people taught them is the other."""
    scorer = bundle.scorer
    rows = [invented(seed) for seed in range(12)]
    z = scorer.tokens(rows)
    there = np.isfinite(z).any(axis=-1)
    members, _ = scorer.classifier.members(z, there)
    calibrate = scorer.classifier.temperatures["smile+disgust+surprise"]
    odds = calibrate.scale * members + calibrate.bias
    if prevalence is not None:
        trained = scorer.classifier.prevalence
        odds += np.log(prevalence / (1 - prevalence)) - np.log(trained / (1 - trained))
    for n, score in enumerate(bundle.score(rows, prevalence)):
        own = np.quantile(odds[:, n], (0.05, 0.95))
        low, high = np.log(score.p_pd_interval) - np.log1p(-np.array(score.p_pd_interval))
        assert high - low > own[1] - own[0]
        assert high - low < 1.5 * (own[1] - own[0]) + 0.5, "655 people taught it"
        assert score.p_pd == pytest.approx(1 / (1 + np.exp(-odds[:, n].mean())), abs=1e-6)
        assert low <= np.log(score.p_pd / (1 - score.p_pd)) <= high
        assert (score.abstained == "model_uncertain") == (odds[:, n].std() > scorer.spread_limit)


def test_missing_expressions_are_masked(bundle: Bundle) -> None:
    smile_only = invented(1, ("smile",))
    score = bundle.score([smile_only])[0]
    blank = bundle.score([{**smile_only, **dict.fromkeys(columns_of("disgust"))}])[0]
    assert score == blank
    assert score.attention == {"smile": pytest.approx(1)}
    assert score.abstained == "missing_expressions"
    assert score.p_pd is not None


def test_nothing_usable_gives_no_number(bundle: Bundle) -> None:
    failed = dict.fromkeys(columns_of("smile"), 0.0)
    for row in ({}, {"rest_jaw-open_mean": 0.9}, failed):
        score = bundle.score([row])[0]
        assert score.hypomimia_index is None
        assert score.p_pd is None
        assert score.severity is None
        assert score.abstained == "no_usable_expression"


def test_rows_do_not_influence_each_other(bundle: Bundle) -> None:
    rows = [invented(1), invented(2, ("smile",)), {}, invented(3)]
    together = bundle.score(rows)
    for row, score in zip(rows, together, strict=True):
        alone = bundle.score([row])[0]
        assert (alone.p_pd is None) == (score.p_pd is None)
        if alone.p_pd is not None:
            assert alone.p_pd == pytest.approx(score.p_pd, abs=1e-6)
            assert alone.hypomimia_index == pytest.approx(score.hypomimia_index)


def test_prevalence_shifts_the_probability(bundle: Bundle) -> None:
    row, trained = invented(1), float(bundle.metadata["prevalence"])
    same = bundle.score([row], trained)[0].p_pd
    assert same == pytest.approx(bundle.score([row])[0].p_pd)
    assert bundle.score([row], 0.01)[0].p_pd < same < bundle.score([row], 0.6)[0].p_pd


def test_age_sex_and_protocol_do_not_enter(bundle: Bundle) -> None:
    row = invented(1)
    assert bundle.score([{**row, "age": 80.0, "sex": 1.0, "protocol": 2.0}]) == bundle.score([row])


def test_golden_scores(bundle: Bundle) -> None:
    """Guards the served numbers: a change here is a change of results."""
    kept = json.loads(GOLDEN.read_text())
    if kept["digest"] != bundle.digest:
        pytest.fail("the shipped bundle changed: rewrite golden-scores.json (tests/ml/scoring)")
    for want, score in zip(
        kept["scores"], bundle.score([invented(s) for s in range(3)]), strict=True
    ):
        assert score.hypomimia_index == pytest.approx(want["hypomimia_index"], abs=1e-4)
        assert score.p_pd == pytest.approx(want["p_pd"], abs=1e-5)
        assert score.severity_expected == pytest.approx(want["severity_expected"], abs=1e-5)


@pytest.mark.parametrize("file", [WEIGHTS, NORMS, CARD])
def test_a_changed_or_missing_file_is_named(copy: Path, file: str) -> None:
    (copy / file).write_bytes((copy / file).read_bytes() + b" ")
    with pytest.raises(BundleError, match=f"{file} was changed"):
        load(copy)
    (copy / file).unlink()
    with pytest.raises(BundleError, match=f"{file} is missing"):
        load(copy)


def test_a_changed_description_is_named(copy: Path) -> None:
    described = json.loads((copy / DESCRIPTION).read_text())
    described["config"]["prevalence"] = 0.9
    (copy / DESCRIPTION).write_text(json.dumps(described))
    with pytest.raises(BundleError, match=f"{DESCRIPTION} was changed"):
        load(copy)
    (copy / DESCRIPTION).write_text("{")
    with pytest.raises(BundleError, match="is no JSON"):
        load(copy)
    with pytest.raises(BundleError, match="is missing"):
        load(copy / "elsewhere")


def resign(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the description, as somebody would who writes a bundle by hand: all digests match."""
    described = json.loads((folder / DESCRIPTION).read_text())
    for file in HASHED:
        described["files"][file] = digest_of((folder / file).read_bytes())
    change(described)
    described.pop("digest")
    described["digest"] = digest_of(canonical(described))
    (folder / DESCRIPTION).write_text(json.dumps(described))


def widen(described: dict[str, Any]) -> None:
    described["config"]["classifier"]["fusion"]["width"] += 4


def test_weights_that_do_not_fit_their_config_are_refused(copy: Path) -> None:
    resign(copy, widen)
    with pytest.raises(BundleError, match="has shape"):
        load(copy)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.pop("files"), "files"),
        (lambda d: d.pop("metadata"), "metadata"),
        (lambda d: d.pop("config"), "config"),
        (lambda d: d.pop("name"), "name"),
        (lambda d: d.update(version=2), "version"),
        (lambda d: d.update(metadata=None), "metadata"),
        (lambda d: d["metadata"].update(prevalence="half"), "prevalence"),
        (lambda d: d["metadata"].pop("sources"), "sources"),
        (lambda d: d["files"].update({CARD: None}), CARD),
        (lambda d: d["config"].pop("classifier"), "classifier"),
        (lambda d: d["config"].update(classifier=[]), DESCRIPTION),
        (lambda d: d["config"].update(temperatures={}), "no temperature for smile"),
        (lambda d: d["config"]["temperatures"].pop("smile+disgust"), "for smile.disgust"),
        (lambda d: d["config"].update(prevalence=5), "prevalence 5"),
        (lambda d: d["config"].update(grades=[]), DESCRIPTION),
        (lambda d: d["config"]["index"].update(references=None), DESCRIPTION),
        (lambda d: d["config"].update(fold_of=[0, 0, 0] * 5), "fold"),
    ],
)
def test_a_malformed_description_is_a_typed_error(
    copy: Path, change: Callable[[dict[str, Any]], object], words: str
) -> None:
    resign(copy, change)
    with pytest.raises(BundleError, match=words):
        load(copy)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        (NORMS, b"{}"),
        (NORMS, b"[]"),
        (NORMS, b"\xff"),
        (WEIGHTS, b""),
        (WEIGHTS, b"no tensors"),
        (CARD, b"\xff\xfe"),
    ],
)
def test_a_malformed_file_is_a_typed_error_that_names_it(
    copy: Path, file: str, content: bytes
) -> None:
    (copy / file).write_bytes(content)
    resign(copy, lambda _: None)
    with pytest.raises(BundleError, match=file):
        load(copy)


def saved(bundle: Bundle, folder: Path, **other: Any) -> str:
    """Written anew, as it is but for what is named."""
    return save(
        folder,
        name=bundle.name,
        version=bundle.version,
        metadata=bundle.metadata,
        scorer=other.get("scorer", bundle.scorer),
        norms=bundle.norms,
        card=other.get("card", bundle.card),
    )


def test_what_was_read_and_is_written_again_is_the_same_bundle(
    bundle: Bundle, tmp_path: Path
) -> None:
    """No part loses or invents anything between its files and memory. (Equal neighbours among the
    norms' quantiles are told apart when they are read: that table differs in its sixth digit.)"""
    digest = saved(bundle, tmp_path / "again")
    again = load(tmp_path / "again")
    assert again.digest == digest
    for file in (WEIGHTS, CARD):
        assert (again.folder / file).read_bytes() == (bundle.folder / file).read_bytes()
    was, now = (json.loads((b.folder / DESCRIPTION).read_text()) for b in (bundle, again))
    assert {**now, "digest": "", "files": {}} == {**was, "digest": "", "files": {}}
    first, second = bundle.score([invented(1)])[0], again.score([invented(1)])[0]
    assert second.p_pd == pytest.approx(first.p_pd, abs=1e-5)
    assert second.hypomimia_index == pytest.approx(first.hypomimia_index, abs=1e-3)


def test_a_save_that_fails_leaves_what_was_there(bundle: Bundle, copy: Path) -> None:
    with pytest.raises(UnicodeEncodeError):
        saved(bundle, copy, card="half a letter: \ud800")
    assert load(copy).digest == bundle.digest
    assert {path.name for path in copy.iterdir()} == {DESCRIPTION, *HASHED}


def test_a_save_that_is_cut_leaves_no_mixture(bundle: Bundle, copy: Path) -> None:
    """Files of two bundles never stand under one description."""
    (copy / CARD).unlink()
    (copy / CARD / "in the way").mkdir(parents=True)
    with pytest.raises(OSError, match=CARD):
        saved(bundle, copy)
    with pytest.raises(BundleError, match=f"{DESCRIPTION} is missing"):
        load(copy)
    shutil.rmtree(copy / CARD)
    assert saved(bundle, copy) == load(copy).digest


def test_a_bundle_of_before_the_sources_had_names_is_read(copy: Path) -> None:
    """The first bundles name no intensity source: there was one."""
    resign(copy, lambda d: d["metadata"].pop("intensity_source"))
    assert load(copy).intensity_source == "geometric"


def test_a_bundle_of_an_earlier_format_says_what_to_do(copy: Path) -> None:
    """Those of 0.1.0 named no kind of grades: there was one."""
    resign(copy, lambda d: d["config"]["grades"].pop("kind"))
    with pytest.raises(BundleError, match=r"no 'kind' \(use the version of Mimia that wrote it"):
        load(copy)


def test_a_bundle_of_a_later_schema_says_what_to_do(copy: Path) -> None:
    resign(copy, lambda d: d.update(schema=2))
    with pytest.raises(BundleError, match=r"no schema 1.*use the version of Mimia that wrote it"):
        load(copy)
