"""A bundle that an earlier version wrote is read to the bit, whatever writes bundles today.

``kept/lstm-on-clip`` has every part that a bundle can have: members, norms, an LSTM and a CLIP
source (tiny, with random weights). It was written on 2026-11-25 and is never written anew: a site
has registered bundles like it under their digests, and its clips were measured under the digest of
their encoder.
"""

from pathlib import Path

import numpy as np
import pytest

from ml.intensity.source import IntensityCurve, RestReference
from ml.scoring.bundle import load
from ml.scoring.served_source import encoder_of, source_of

KEPT = Path(__file__).parent / "kept" / "lstm-on-clip"
DIGEST = "d9c6ad2381dec967311c82c6cbefa2f36d7095465f0b59f5b693eb3759694989"
SOURCE = "9546eff4a49d3560b25528102ad8e1a8e0abcec4ec163e06e5725c3e739c669d"
ENCODER = "d0d61c853f413c8e91eacd88d48d38c98dda23a6d905a98321b2df0c70b3f00f"
ROW = {
    "smile_mouth-width_mean": 0.4,
    "smile_mouth-width_var": 0.003,
    "smile_mouth-open_mean": 0.1,
    "smile_mouth-open_var": 0.002,
}


def test_its_identities_are_what_they_were() -> None:
    bundle = load(KEPT)
    source, encoder = source_of(bundle), encoder_of(bundle)
    assert (bundle.name, bundle.version, bundle.digest) == ("kept", "1", DIGEST)
    assert (source.identity.name, source.identity.digest) == ("clip", SOURCE)
    assert encoder is not None
    assert encoder.digest == ENCODER
    assert bundle.diagnosis is not None
    assert bundle.diagnosis.source == source.identity


def test_it_says_what_it_said() -> None:
    bundle = load(KEPT)
    t = np.arange(40) / 10
    shape = np.sin(np.pi * t / 4) ** 2
    made_by = source_of(bundle).identity
    curves = {"smile": IntensityCurve("smile", t, shape, made_by, RestReference.REST_CLIP)}
    told, blind = bundle.score([ROW, ROW], None, [curves, None])
    assert told.p_pd == pytest.approx(0.472602, abs=1e-5)
    assert blind.p_pd == pytest.approx(0.422266, abs=1e-5)
    assert told.hypomimia_index == pytest.approx(99.9369, abs=1e-4)
    assert bundle.diagnosis is not None
    assert bundle.diagnosis.ask(curves).p_pd == pytest.approx(0.546978, abs=1e-5)
