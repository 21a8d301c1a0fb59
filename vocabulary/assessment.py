"""The shape of a result: the JSON that ``ml`` writes, the database keeps and the pages read.

Said once. ``ml``'s ``to_json`` gives these types; the web checks against them what it stores and
what it reads back, and publishes them in the API's schema, which the pages' types are made from
(docs/decisions/one-shape.md). Numbers are rounded where they are written; null is *not known*.

``SCHEMA`` is the version, and stands in every result. A result without what a ``NotRequired`` part
was added for is as good as new; any other change is a new version, with a step in
``screening/services/results.py`` from the one before.
"""

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from vocabulary.person import PersonResult

SCHEMA = 1


class SourceName(TypedDict):
    """An intensity source; ``digest`` of its parameters."""

    name: str
    version: str
    digest: str


class Quality(TypedDict, total=False):
    """Of one recording; ``ml.measuring.quality`` says what each is. Older results have fewer."""

    face_found_rate: float
    faces_max: int
    several_faces_rate: float
    turned_rate: float
    tilted_rate: float
    cut_off_rate: float
    turn: int
    brightness: float | None
    frame_brightness: float | None
    clipped_share: float | None
    contrast: float | None
    sharpness: float | None
    yaw: float | None
    pitch: float | None
    roll: float | None
    face_size: float | None
    frame_rate: float | None
    effective_frame_rate: float | None
    dropped_share: float
    longest_gap_s: float
    longest_still_s: float
    round_s: float | None
    resized: int
    duration_s: float
    frames: int
    width: int
    height: int


class Sign(TypedDict):
    """``percentile``, 0 to 100, among the people that ``norm`` names; both null without a norm."""

    name: str
    value: float | None
    unit: str
    percentile: float | None
    norm: str | None


class Peak(TypedDict):
    """One repetition: seconds of its peak, its onset and its end."""

    t: float
    intensity: float
    onset: float | None
    end: float


class Curve(TypedDict):
    """``t`` in seconds; ``intensity`` at each, null where no face was seen."""

    t: list[float]
    intensity: list[float | None]
    reference: str
    source: SourceName
    cues: list[float] | None
    peaks: list[Peak]


class ClipReport(TypedDict):
    """One clip's part; ``signs`` and ``curve`` only of one that was measured. ``notes``: codes of
    :class:`vocabulary.notes.Note`, with the expression that was ``shown`` where it was another one;
    ``weight``: what the clip counts for in a person's result, 0 to 1."""

    expression: str
    state: Literal["measured", "unusable"]
    reason: str | None
    detail: str
    quality: Quality
    signs: list[Sign]
    curve: Curve | None
    notes: NotRequired[list[str]]
    shown: NotRequired[str | None]
    weight: NotRequired[float]


class Without(TypedDict):
    """The result with one expression left out."""

    hypomimia_index: float | None
    p_pd: float | None


class Diagnosis(TypedDict):
    """What a bundle's LSTM says by itself, from the curves of the expressions ``used``."""

    p_pd: float | None
    source: SourceName
    used: list[str]


class BundleIdentity(TypedDict):
    """The bundle that said so; ``sources`` are what it was trained on."""

    name: str
    version: str
    digest: str
    sources: list[dict[str, str]]


class Assessment(TypedDict):
    """The result of one session. ``abstained`` is null or the code of why not to rely on it; the
    numbers are given even then. ``person``: what this session says of the person by itself."""

    schema: int
    hypomimia_index: float | None
    hypomimia_reference: str
    severity: dict[str, float] | None
    severity_expected: float | None
    severity_reason: str | None
    severity_experimental: bool
    p_pd: float | None
    p_pd_interval: tuple[float, float] | None
    prevalence: float | None
    prediction_set: list[str]
    abstained: str | None
    abstained_words: str | None
    attention: dict[str, float]
    leave_one_out: dict[str, Without]
    missing: list[str]
    diagnosis: NotRequired[Diagnosis | None]
    person: NotRequired[PersonResult]
    bundle: BundleIdentity
    intensity_source: SourceName
    clips: list[ClipReport]


class Measurer(TypedDict):
    """What measured; ``digest`` of all that the numbers depend on."""

    name: str
    version: str
    digest: str
    encoder: NotRequired[str]


class Measurement(TypedDict):
    """What the pages read of one clip's measurement: ``signals`` at ``timestamps`` (seconds)."""

    expression: str
    state: Literal["measured", "unusable"]
    reason: str | None
    detail: NotRequired[str]
    quality: NotRequired[Quality]
    timestamps: list[float]
    signals: dict[str, list[float | None]]
    stats: dict[str, float]
    cues: NotRequired[list[float] | None]
    measurer: Measurer
