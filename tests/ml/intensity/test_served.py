"""A bundle names its intensity source, and a session is assessed on that one alone."""

from dataclasses import replace

import pytest

from ml.bundle import Bundle, default_bundle_path, load
from ml.errors import SourceError, WeightsError
from ml.intensity.geometric import GeometricSource
from ml.intensity.served import source_of
from ml.pipeline import assess


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load(default_bundle_path())


def named(bundle: Bundle, name: str) -> Bundle:
    return replace(bundle, metadata={**bundle.metadata, "intensity_source": name})


def test_the_shipped_bundle_says_geometric_and_gets_it(bundle: Bundle) -> None:
    assert bundle.metadata["intensity_source"] == "geometric"
    assert isinstance(source_of(bundle), GeometricSource)
    assert assess({}, bundle=bundle).to_json()["intensity_source"]["name"] == "geometric"


def test_an_unknown_source_is_refused(bundle: Bundle) -> None:
    with pytest.raises(SourceError, match="'optical-flow'"):
        assess({}, bundle=named(bundle, "optical-flow"))


def test_another_source_than_the_named_one_is_refused(bundle: Bundle) -> None:
    with pytest.raises(SourceError, match="served on the clip intensity source"):
        assess({}, bundle=named(bundle, "clip"), source=GeometricSource())


def test_a_clip_source_that_is_not_there_names_the_file(bundle: Bundle) -> None:
    with pytest.raises(WeightsError, match=r"intensity/source\.json: the file is missing"):
        assess({}, bundle=named(bundle, "clip"))
