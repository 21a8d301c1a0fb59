"""A bundle whose files went with an update: what it owed, and going back to it."""

import pytest

from screening.errors import WrongState
from screening.models import AuditEntry, ModelBundle, Screening
from screening.services import bundles
from tests.screening import factories as make

pytestmark = pytest.mark.django_db


def updated() -> tuple[ModelBundle, ModelBundle]:
    """The bundle that an update took away, and the one that is active since."""
    old = make.active_bundle()
    new = bundles.activate(by=None, bundle=make.BundleFactory())
    bundles.files_gone(bundle=old)
    return old, new


def test_what_it_owed_the_active_one_does_and_results_stay() -> None:
    scored, waiting = make.scored(), make.submitted()
    Screening.objects.filter(pk=waiting.pk).update(assess_attempts=20)
    assert bundles.repin_to_active() == 0
    old, new = updated()
    assert bundles.repin_to_active() == 1
    waiting.refresh_from_db()
    scored.refresh_from_db()
    assert (waiting.bundle, waiting.assess_attempts) == (new, 0)
    assert scored.bundle == old
    entry = AuditEntry.objects.get(action="screening.repinned")
    assert entry.data == {"before": str(old), "after": str(new)}
    assert bundles.repin_to_active() == 0
    make.assess(waiting)
    waiting.refresh_from_db()
    assert waiting.state == "scored"


def test_going_back_needs_its_files() -> None:
    old, _ = updated()
    for use in (bundles.activate, bundles.set_shadow):
        with pytest.raises(WrongState, match="went with an update"):
            use(by=None, bundle=old)
    again = bundles.register(
        path="/kept", name=old.name, version=old.version, digest=old.digest, sources=[], metadata={}
    )
    assert again == old
    assert bundles.activate(by=None, bundle=again) == bundles.active()


def test_a_shadow_without_files_is_retired() -> None:
    shadow = bundles.set_shadow(by=None, bundle=make.BundleFactory())
    bundles.files_gone(bundle=shadow)
    shadow.refresh_from_db()
    assert (shadow.status, shadow.path) == ("retired", "")
