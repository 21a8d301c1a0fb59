"""open_clip imports beside whatever build of torchvision; matching builds are left alone."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def python(code: str, path: str = "") -> str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [path, str(ROOT)]))}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_open_clip_imports_in_a_fresh_process() -> None:
    code = (
        "from ml.torch_compat import prepare_torchvision as p; first = p(); "
        "import open_clip, torchvision.transforms; print(first == p(), open_clip.__version__[0])"
    )
    assert python(code) == "True 3"


def test_a_torchvision_that_imports_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision" / "__init__.py").write_text("healthy = True\n")
    code = (
        "from ml import torch_compat as c; done = c.prepare_torchvision(); "
        "import torchvision; print(done, c._declared, torchvision.healthy)"
    )
    assert python(code, str(tmp_path)) == "False [] True"


def test_another_failure_is_not_hidden(tmp_path: Path) -> None:
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision" / "__init__.py").write_text("raise RuntimeError('other')\n")
    code = (
        "from ml.torch_compat import prepare_torchvision as p\n"
        "try:\n    p()\nexcept RuntimeError as e:\n    print(e)"
    )
    assert python(code, str(tmp_path)) == "other"


def test_the_package_itself_imports_without_torch() -> None:
    code = (
        "import sys; import ml.intensity, ml.intensity.source, ml.scoring; "
        "print('torch' in sys.modules, 'open_clip' in sys.modules)"
    )
    assert python(code) == "False False"
