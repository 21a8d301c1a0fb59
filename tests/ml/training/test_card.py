"""A card says what the bundle reads, in the words of its own metadata."""

from ml.scoring.bundle import default_bundle_path, load
from ml.training.card import card


def test_the_shipped_card_is_the_one_its_metadata_makes() -> None:
    bundle = load(default_bundle_path())
    made = card(bundle.name, bundle.version, bundle.metadata)
    assert made == bundle.card
    assert "Predictors: facial geometry only;" in made


def test_curves_that_are_read_are_predictors() -> None:
    bundle = load(default_bundle_path())
    lstm = {"network": {"units": 4}, "auroc_out_of_fold": 0.5}
    for source, words in (
        ("geometric", "curves of the face's geometry (the geometric source)"),
        ("clip", "curves that a network reads from the pictures (the clip source)"),
    ):
        told = {**bundle.metadata, "diagnosis": lstm, "intensity_source": source}
        made = card(bundle.name, bundle.version, told)
        assert words in " ".join(made.split())
        assert "geometry only" not in made
        assert "shown beside" not in made
