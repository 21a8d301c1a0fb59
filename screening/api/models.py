"""API: model bundles compared on the clinicians' own grades, before one is activated."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from screening.api import clinic_shapes
from screening.api.base import View, describe
from screening.permissions import WorkAtSite
from screening.services import comparison


class SiteComparison(View):
    @describe(
        "The active and the shadow bundles beside the grades of a site",
        answer=clinic_shapes.ComparisonOut,
        errors=[404],
    )
    def get(self, request: Request, pk: UUID) -> Response:
        site = self.site(WorkAtSite, pk)
        found = comparison.agreements(by=self.user, site=site)
        return Response(_body(found, comparison.lines(by=self.user, site=site)))


class Comparison(View):
    @describe(
        "The same over all sites, in sum only, for administrators",
        answer=clinic_shapes.ComparisonOut,
        errors=[403],
    )
    def get(self, request: Request) -> Response:
        return Response(_body(comparison.agreements(by=self.user), []))


def _body(
    found: Sequence[comparison.Agreement], lines: Sequence[comparison.Line]
) -> dict[str, Any]:
    digests = {one.bundle.pk: one.bundle.digest for one in found}
    body = {"bundles": found, "screenings": lines}
    shown: dict[str, Any] = clinic_shapes.ComparisonOut(body, context={"digests": digests}).data
    return shown
