"""Production settings: refuse to start half-configured, pass Django's check, need no science."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHOSEN = {
    "MIMIA_SECRET_KEY": "k5x9-not-a-real-secret-but-long-and-varied-enough-0123456789-ABCDEF",
    "MIMIA_ALLOWED_HOSTS": "mimia.example.org",
    "EMAIL_URL": "smtp+tls://user:password@mail.example.org:587",
}
SCIENCE = ("torch", "mediapipe", "numpy", "cv2", "av", "sklearn", "scipy", "ml")
#: A web image has none of these: importing one is an error there.
WITHOUT_SCIENCE = f"""
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {SCIENCE!r}:
            raise ModuleNotFoundError(f"{{name}} is not in the web image")
sys.meta_path.insert(0, Missing())
import webapp.asgi
from django.urls import get_resolver
assert get_resolver().url_patterns
"""


def run_python(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={
            **kept,
            "DJANGO_SETTINGS_MODULE": "webapp.settings.production",
            "MIMIA_VAR": str(folder),
            **settings,
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_passes_the_deployment_check(tmp_path: Path) -> None:
    checked = run_python(
        tmp_path, "manage.py", "check", "--deploy", "--fail-level", "WARNING", **CHOSEN
    )
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("name", sorted(CHOSEN))
def test_without_what_must_be_chosen_nothing_starts(tmp_path: Path, name: str) -> None:
    chosen = {key: value for key, value in CHOSEN.items() if key != name}
    checked = run_python(tmp_path, "manage.py", "check", **chosen)
    assert checked.returncode != 0
    assert name in checked.stderr


def test_site_needs_no_science(tmp_path: Path) -> None:
    started = run_python(tmp_path, "-c", WITHOUT_SCIENCE, **CHOSEN)
    assert started.returncode == 0, started.stderr


def test_there_are_no_demo_accounts(tmp_path: Path) -> None:
    migrated = run_python(tmp_path, "manage.py", "migrate", "--verbosity", "0", **CHOSEN)
    assert migrated.returncode == 0, migrated.stderr
    demo = run_python(tmp_path, "manage.py", "demo", **CHOSEN)
    assert demo.returncode != 0
    assert "development settings only" in demo.stderr
