"""In a strict run a skip is a failure, however it is written; in an ordinary run it is a skip."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SKIPS = {
    "call": "import pytest\ndef test_a():\n    pytest.skip('no browser')\n",
    "mark": "import pytest\n@pytest.mark.skip(reason='later')\ndef test_a():\n    pass\n",
    "module": "import pytest\npytest.skip('none', allow_module_level=True)\n",
    "import": "import pytest\npytest.importorskip('no_such_module')\n",
    "xfail": "import pytest\n@pytest.mark.xfail\ndef test_a():\n    assert 0\n",
}


def run_pytest(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    keep = {k: v for k, v in os.environ.items() if k != "MIMIA_STRICT" and "PYTEST" not in k}
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "tests.strict",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:django",
            "--continue-on-collection-errors",
            "--rootdir",
            str(folder),
            "-c",
            os.devnull,
            str(folder),
        ],
        cwd=ROOT,
        env=keep | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def skipping_tests(tmp_path: Path) -> Path:
    for way, text in SKIPS.items():
        (tmp_path / f"test_{way}.py").write_text(text)
    (tmp_path / "test_fine.py").write_text("def test_fine():\n    pass\n")
    return tmp_path


def test_every_skip_fails_a_strict_run(skipping_tests: Path) -> None:
    run = run_pytest(skipping_tests, MIMIA_STRICT="1")
    assert run.returncode != 0
    assert run.stdout.count("skipped in a strict run, which is a failure") >= len(SKIPS), run.stdout
    for way in SKIPS:
        assert f"test_{way}.py" in run.stdout.split("short test summary")[1]


def test_skips_are_only_skips_otherwise(skipping_tests: Path) -> None:
    run = run_pytest(skipping_tests)
    assert run.returncode == 0, run.stdout
    assert "1 passed, 4 skipped, 1 xfailed" in run.stdout
