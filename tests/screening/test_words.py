"""The web keeps its own copies of the science's words; here the two are held together."""

from screening import reasons


def test_every_unusable_reason_has_words_for_the_patient() -> None:
    from ml.errors import UnusableReason

    assert set(reasons.UNUSABLE) == {reason.value for reason in UnusableReason}
    for words in (*reasons.UNUSABLE.values(), *reasons.FAILED.values()):
        assert words.title
        assert words.advice.endswith(".")
    assert reasons.words("") is None
    assert reasons.words("something new") is not None
