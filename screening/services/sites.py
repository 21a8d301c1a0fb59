"""A clinic's own settings: who changed what a clinic's patients are shown leaves a trace."""

from django.db import transaction

from screening.models import Site, User
from screening.services import access, events

#: What decides on patients' screenings and what they are shown; the rest is how a clinic is called.
POLICY = (
    "release_policy",
    "patients_see_p_pd",
    "clinicians_see_weak_p_pd",
    "pd_prevalence",
    "protocol_id",
    "course_days",
)


def save(*, by: User, site: Site) -> Site:
    """Keep a new clinic, or one whose settings were changed; new screenings follow its protocol.

    The audit trail has each setting of ``POLICY`` that changed, ``old → new``. Raises NotAllowed.
    """
    access.require_administrator(by)
    with transaction.atomic():
        before = Site.objects.select_for_update().filter(pk=site.pk).first()
        site.save()
        if before is None:
            events.audit(by=by, action="site.made", target=site, **_settings(site))
            return site
        old, new = _settings(before), _settings(site)
        changed = {name: f"{old[name]} → {new[name]}" for name in POLICY if old[name] != new[name]}
        if changed:
            events.audit(by=by, action="site.changed", target=site, **changed)
    return site


def _settings(site: Site) -> dict[str, str]:
    return {name: str(getattr(site, name)) for name in POLICY}
