"""What a researcher installs: everything of the science is in it, and README's lines run."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ml import phantom
from ml.phantom.film import write_clip

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, unpacked as an installation has it."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "checkout"
    listed = subprocess.run(
        [
            "git",
            "ls-files",
            "-co",
            "--exclude-standard",
            "ml",
            "vocabulary",
            "pyproject.toml",
            "README.md",
            "LICENSE",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.split():
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    build = "from setuptools.build_meta import build_wheel; print(build_wheel('..'))"
    subprocess.run([sys.executable, "-c", build], cwd=source, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def files_below(folder: Path) -> set[str]:
    return {
        str(path.relative_to(folder))
        for room in ("ml", "vocabulary")
        for path in (folder / room).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_no_file_of_the_science_is_left_behind(installed: Path) -> None:
    assert files_below(installed) == files_below(installed.parent / "checkout")


def test_the_lines_of_the_readme_run_outside_a_checkout(installed: Path, tmp_path: Path) -> None:
    (lines,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    for name in ("rest", "smile"):
        film = phantom.Capture(width=320, height=240, fps=15.0)
        drawn = phantom.perform(name, seed=1, seconds=3.0, capture=film)
        write_clip(tmp_path / f"{name}.mp4", drawn)
    answer = subprocess.run(
        [sys.executable, "-P", "-c", lines],
        cwd=tmp_path,
        env={"PYTHONPATH": str(installed), "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    index, *_ = answer.stdout.split()
    assert 0 <= float(index) <= 100
