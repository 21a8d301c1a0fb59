"""What the measuring process can do. Imported only there: this is where the science is loaded.

Every operation takes and returns plain JSON values, so that nothing a broken or malicious video
might do to this process can reach the worker as more than data.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Json = dict[str, Any]

#: The environment variable by which the worker says where image encoders run.
DEVICE = "MIMIA_ENCODER_DEVICE"


def prepare(what: Json) -> Json:
    """Loads what the first clip would otherwise wait for, and says who measures."""
    import numpy as np

    from ml.measuring import face
    from ml.measuring.clip import measurer_digest

    face.tracker().find(np.zeros((480, 640, 3), np.uint8))
    shapes, fault = _shapes()
    digest = shapes.digest if shapes else None
    return {
        "measurer_digest": measurer_digest(shapes=digest),
        "blendshapes": digest,
        "no_blendshapes": fault,
    }


def measure(what: Json) -> Json:
    """``path``, ``expression``, ``announced`` (what the browser said) → a Measurement as JSON.

    ``bundle`` (path, digest; None or absent: no matter which) is the one that will read it: where
    its intensity source reads embeddings, its image encoder looks at the clip too.
    """
    from ml.measuring.clip import measure_clip
    from ml.measuring.video import Announced

    said: Mapping[str, Any] = what["announced"]
    return measure_clip(
        Path(what["path"]),
        expression=what["expression"],
        announced=Announced(
            seconds=said.get("seconds"), bytes=what["size"], frames=said.get("frames")
        ),
        cues=[cue["at"] for cue in said["cues"] if cue["kind"] == "make"]
        if said.get("cues")
        else None,
        encoder=_encoder(what.get("bundle")),
        shapes=_shapes()[0],
    ).to_json()


def _shapes() -> tuple[Any, str]:
    """The reader of blendshapes, None where there is none; and, where there should be one, why
    there is not: clips are measured without it."""
    from ml.errors import WeightsError
    from ml.measuring import blendshapes

    try:
        return blendshapes.reader(), ""
    except WeightsError as fault:
        return None, str(fault)


def _encoder(bundle: Mapping[str, str] | None) -> Any:
    """The image encoder that a bundle's source looks with. Torch is loaded where one is named only:
    a clip's own signals need neither it nor its memory."""
    if not bundle:
        return None
    from ml.scoring import served_source

    return served_source.encoder_of(_bundle(**bundle), _device())


def assess(what: Json) -> Json:
    """``measurements`` by expression, ``bundle`` (path, digest), ``prevalence`` → an Assessment.

    ``drawn``: the clips are drawn faces, whose curves are shown by the source that knows them.
    """
    from ml.measuring.measurement import Measurement
    from ml.scoring import assessment, served_source

    measurements = {
        expression: Measurement.from_json(measured)
        for expression, measured in what["measurements"].items()
    }
    bundle = _bundle(**what["bundle"])
    # The device only decides where the encoder lies that measuring has loaded already.
    source = served_source.source_of(bundle, _device())
    assessed = assessment.assess(
        measurements,
        bundle=bundle,
        prevalence=what["prevalence"],
        source=source,
        shown=source if what.get("drawn") else None,
    )
    return {**assessed.to_json()}


def person(what: Json) -> Json:
    """``sessions`` (each an assessment), ``bundle`` (path, digest) that assessed them → a
    :class:`vocabulary.person.PersonResult`."""
    from ml.scoring import person_result, repeatability

    known = repeatability.load().for_model(_bundle(**what["bundle"]).scorer)
    return {**person_result.person_result([_session(one) for one in what["sessions"]], known)}


def course(what: Json) -> Json:
    """``groups``: sessions that are read together (``sessions``) and those of the first course
    (``first``, empty where there is none), each an assessment; ``bundle`` (path, digest) that
    assessed them; ``repeats``: the clinic's own people, each a list of their sessions as
    ``[index, grade]`` → ``groups``, in order, each with ``person``, ``signs`` and
    ``change`` of :mod:`vocabulary.person`."""
    from ml.scoring import person_result, repeatability

    bundle = _bundle(**what["bundle"])
    index, grade = (
        [[one[place] for one in person if one[place] is not None] for person in what["repeats"]]
        for place in (0, 1)
    )
    known = repeatability.load().for_model(bundle.scorer)
    known = known.with_own(index, grade, bundle.expressions)
    groups = []
    for group in what["groups"]:
        sessions, first = ([_session(one) for one in group[name]] for name in ("sessions", "first"))
        groups.append(
            {
                "person": person_result.person_result(sessions, known),
                "signs": person_result.person_signs(sessions, known),
                "change": person_result.person_change(first, sessions, known),
            }
        )
    return {"groups": groups}


def _session(assessed: Json) -> Any:
    """What of an assessment counts for the person."""
    from ml.scoring.person_result import Session, SignReading

    return Session(
        assessed["hypomimia_index"],
        assessed["severity_expected"],
        _dropped(assessed),
        {
            (clip["expression"], sign["name"]): SignReading(sign["percentile"], sign["norm"])
            for clip in assessed["clips"]
            if clip["state"] == "measured"
            for sign in clip["signs"]
            if sign["percentile"] is not None
        },
        _done_as_asked(assessed),
    )


def _done_as_asked(assessed: Json) -> float:
    """What the clips that were read count for on average, the rest clip too, which every curve
    begins at; older results say nothing of it."""
    read = {"rest", *assessed["attention"]}
    weights = [
        clip.get("weight", 1.0)
        for clip in assessed["clips"]
        if clip["state"] == "measured" and clip["expression"] in read
    ]
    return sum(weights) / len(weights) if weights else 1.0


def _dropped(assessed: Json) -> float:
    """The share of pictures lost, over the clips that were measured."""
    shares = [
        clip["quality"].get("dropped_share", 0.0)
        for clip in assessed["clips"]
        if clip["state"] == "measured"
    ]
    return sum(shares) / len(shares) if shares else 0.0


def describe_bundle(what: Json) -> Json:
    """``path`` (empty: the bundle that ships, or the one for the ``shadow``) → what a ModelBundle
    row keeps of it.

    Its intensity source is loaded too, so that what cannot be served is refused here.
    """
    from ml.scoring import bundle, served_source

    ships = bundle.shadow_bundle_path() if what.get("shadow") else bundle.default_bundle_path()
    path = Path(what["path"]) if what["path"] else ships
    loaded = bundle.load(path)
    served_source.source_of(loaded, _device())
    encoder = served_source.encoder_of(loaded, _device())
    _bundles[loaded.digest] = loaded
    return {
        "path": str(path),
        "name": loaded.name,
        "version": loaded.version,
        "digest": loaded.digest,
        "sources": loaded.sources,
        # The first bundles name no source; which one they mean is decided where bundles are read.
        "metadata": {**loaded.metadata, "intensity_source": loaded.intensity_source},
        "encoder": encoder.digest if encoder else "",
    }


#: Bundles in memory, by digest.
_bundles: dict[str, Any] = {}


def _bundle(path: str, digest: str) -> Any:
    """Refused when the directory no longer holds what was registered from there."""
    if digest not in _bundles:
        from ml.errors import BundleError
        from ml.scoring.bundle import load

        found = load(Path(path))
        if found.digest != digest:
            raise BundleError(
                f"{path} holds {found.name} {found.version} ({found.digest[:12]}), not"
                f" the bundle that was registered from there ({digest[:12]}); register it anew"
            )
        _bundles[digest] = found
    return _bundles[digest]


def _device() -> str:
    """The setting as it is: whether there is such a device matters to CLIP bundles only."""
    from ml.intensity import sources

    return os.environ.get(DEVICE, sources.AUTO)


def playback(what: Json) -> Json:
    """``source`` → ``target``: the copy that reviewers play. Returns its frames and seconds."""
    from worker.playback import write_copy

    return write_copy(Path(what["source"]), Path(what["target"]))


def draw(what: Json) -> Json:
    """``target``, ``expression``, ``amplitude``, ``seconds``, ``seed``: a phantom clip.

    Returns what was programmed: ``cues`` and ``onsets`` (seconds), ``t`` and ``intensity``.
    """
    from ml import phantom

    performance = phantom.perform(
        what["expression"], what["amplitude"], seed=what["seed"], seconds=what["seconds"]
    )
    phantom.write_clip(Path(what["target"]), performance)
    truth = performance.truth()
    return {
        "cues": truth["cues_s"],
        "onsets": truth["onsets_s"],
        "t": truth["t"],
        "intensity": truth["intensity"],
    }


OPERATIONS: dict[str, Callable[[Json], Json]] = {
    operation.__name__: operation
    for operation in (prepare, measure, assess, person, course, describe_bundle, playback, draw)
}
