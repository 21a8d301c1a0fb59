"""From a cohort of clips to a trained LSTM: the settings, the checks, and one call of ``fit``."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from ml.cohort.clips import UNKNOWN, Session, measure_sessions
from ml.cohort.manifest import MANIFEST, LabelledClip, read_columns, read_manifest, without_rest
from ml.distributed import processes
from ml.errors import CohortError, ConfigError
from ml.files import require_no_model
from ml.intensity.source import IntensitySource
from ml.intensity.sources import DEFAULT, SOURCES, in_folder, source_of_setting
from ml.scoring.assessment import session_curves
from ml.scoring.curve_sampling import stack
from ml.scoring.curve_summary import session_signs
from ml.scoring.lstm import DiagnosisModel, FitSettings, fit, load
from ml.scoring.lstm_network import DiagnosisConfig
from ml.settings import make_folder, settings

KIND = "diagnosis"


@dataclass(frozen=True)
class DiagnosisTraining:
    """One run. ``cohort`` directory with a manifest; ``source`` the name of an intensity source
    without weights or the directory of a trained one; ``splits`` of the manifest to train on (""
    where it names none)."""

    cohort: str
    out: str
    source: str = DEFAULT
    network: DiagnosisConfig = field(default_factory=DiagnosisConfig)
    fit: FitSettings = field(default_factory=FitSettings)
    splits: tuple[str, ...] = ("train",)
    workers: int = 1

    def __post_init__(self) -> None:
        if self.workers < 1 or not self.splits:
            raise ConfigError("workers must be 1 or more, splits must name at least one")

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Raises ``ConfigError`` for unknown, missing or impossible settings."""
        return settings(cls, {k: v for k, v in data.items() if k != "kind"})


def train_file(
    data: Mapping[str, Any], here: Path, cache: Path, say: Callable[[str], None]
) -> DiagnosisModel:
    """Trains from a settings file's content; paths in it are relative to ``here``.

    It takes seconds once the clips are measured: under torchrun the first process does it alone.
    """
    config = DiagnosisTraining.from_json(data)
    folder = None if config.source in SOURCES else here / config.source
    config = replace(config, cohort=str(here / config.cohort), out=str(here / config.out))
    with processes() as group:
        require_no_model(Path(config.out))
        # All look before the first has anything to write.
        group.wait()
        trained = _train(config, folder, cache, say) if group.first else None
        group.wait()
        return trained or load(Path(config.out))


def _train(
    config: DiagnosisTraining, folder: Path | None, cache: Path, say: Callable[[str], None]
) -> DiagnosisModel:
    clips = _chosen(config)
    source = source_of_setting(config.source) if folder is None else in_folder(folder)
    make_folder(Path(config.out))
    say(read_columns(Path(config.cohort)).said())
    missing = without_rest(clips)
    for line in missing:
        say(f"lacks {line}")
    say(f"measuring {len(clips)} clips (kept in {cache})")
    sessions = measure_sessions(clips, cache, source=folder, workers=config.workers)
    people = len({session.subject for session in sessions})
    of = f"{len(sessions)} visits of {people} people"
    say(f"training on {of} with the {source.identity.name} source")
    model = _fitted(sessions, source, config, clips)
    model = replace(model, card={**model.card, "lacks": missing})
    model.save(Path(config.out))
    return model


def _chosen(config: DiagnosisTraining) -> tuple[LabelledClip, ...]:
    """The clips to train on. Raises :class:`CohortError` before anything is measured."""
    folder = Path(config.cohort)
    wanted = {*config.network.expressions, "rest"}
    clips = tuple(
        clip
        for clip in read_manifest(folder)
        if clip.split in config.splits and clip.expression in wanted
    )
    manifest = folder / MANIFEST
    if not clips:
        raise CohortError(
            f"no clip of {', '.join(sorted(wanted))} in split {'/'.join(config.splits)}",
            file=manifest,
        )
    for clip in clips:
        if clip.pd is None:
            raise CohortError("the row has no PD label", file=manifest, row=clip.row)
    if {clip.pd for clip in clips} != {True, False}:
        raise CohortError("people with and without PD are needed: an empty class", file=manifest)
    return clips


def _fitted(
    sessions: Sequence[Session],
    source: IntensitySource,
    config: DiagnosisTraining,
    clips: Sequence[LabelledClip],
) -> DiagnosisModel:
    network, rows, labels, grades, people = config.network, [], [], [], set()
    graded = {clip.visit: clip.grade for clip in clips}
    for session in sessions:
        usable = {e: m for e, m in session.measured.items() if m.state == "measured"}
        curves = session_curves(usable, source)
        posed = {e: curves[e] for e in network.expressions if e in curves}
        if posed and session.pd != UNKNOWN:
            curves_of = stack(posed, network.expressions, network.longest)
            rows.append(replace(curves_of, signs=session_signs(usable, network.signs)))
            labels.append(session.pd)
            people.add(session.subject)
            grade = graded[session.subject, session.session]
            grades.append(-1 if grade is None else grade)
    pd, grade_of = np.array(labels, np.int64), np.array(grades, np.int64)
    model = fit(rows, pd, network, config.fit, grade_of if network.grades else None)
    card = {
        "cohort": Path(config.cohort).name,
        "cohort_digest": hashlib.sha256(
            "".join(sorted(c.sha256 for c in clips)).encode()
        ).hexdigest(),
        "people": len(people),
        "visits": len(rows),
        "phantom_trained": any(clip.truth is not None for clip in clips),
        "fit": json.loads(json.dumps(asdict(config.fit))),
    }
    return replace(model, card=card)
