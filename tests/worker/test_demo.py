"""``manage.py demo``: accounts and one assessed case of a drawn face; the same when repeated."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from screening.models import Protocol, ProtocolStep, Screening, User

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def short() -> None:
    """A newer *quick* protocol that takes four seconds."""
    quick = Protocol.objects.create(slug="quick", version=99, name="Short")
    for order, expression in enumerate(("rest", "smile"), start=1):
        ProtocolStep.objects.create(
            protocol=quick, order=order, expression=expression, seconds=2, instruction="Please."
        )


def test_accounts_and_a_case_the_same_when_repeated(
    short: None, settings: Any, tmp_path: Path
) -> None:
    settings.DEMO_ACCOUNTS, settings.VAR = True, tmp_path
    call_command("demo")
    told = json.loads((tmp_path / "demo.json").read_text())
    assert (tmp_path / "demo.json").stat().st_mode & 0o077 == 0
    case = Screening.objects.get(pk=told["case"])
    assert (case.state, case.is_phantom) == ("released", True)
    assert case.assessments.count() == 1
    for role in ("patient", "clinician", "admin"):
        account = told["accounts"][role]
        assert User.objects.get(email=account["email"]).check_password(account["password"])
    drawings = {path: path.stat().st_mtime_ns for path in (tmp_path / "demo-clips").iterdir()}
    call_command("demo")
    assert json.loads((tmp_path / "demo.json").read_text()) == told
    assert Screening.objects.count() == 1
    assert drawings == {p: p.stat().st_mtime_ns for p in (tmp_path / "demo-clips").iterdir()}


def test_there_is_no_demo_outside_development(settings: Any, tmp_path: Path) -> None:
    settings.DEMO_ACCOUNTS, settings.VAR = False, tmp_path
    with pytest.raises(CommandError, match="development settings only"):
        call_command("demo")
    assert not (tmp_path / "demo.json").exists()
    assert not User.objects.exists()
