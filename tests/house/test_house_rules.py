"""Each house rule turns red on the code it forbids and stays quiet on the code it asks for."""

import subprocess
import sys
from pathlib import Path

import pytest

from scripts.house_rules import problems

ROOT = Path(__file__).resolve().parents[2]
LIMITED = """
def limited_task(name, *, seconds):
    return shared_task(name=name, soft_time_limit=seconds, time_limit=seconds, acks_late=True)
"""
FORBIDDEN = {
    "bare task": ("worker/a.py", "@shared_task\ndef f(): ...\n", "without @limited_task"),
    "app task": ("worker/a.py", "@app.task(name='x')\ndef f(): ...\n", "without @limited_task"),
    "no seconds": ("worker/tasks.py", "@limited_task('x')\ndef f(): ...\n", "says no limit"),
    "limits lost": (
        "worker/tasks.py",
        LIMITED.replace(" time_limit=seconds,", ""),
        "without time_limit",
    ),
    "delay": ("screening/services/a.py", "task.delay(1)\n", "goes round"),
    "send_task": ("screening/api/a.py", "current_app.send_task('x')\n", "goes round"),
    "delay on commit": ("worker/steps.py", "task.delay_on_commit(1)\n", "goes round"),
    "door open": ("screening/queue.py", "current_app.send_task('x')\n", "wait for the commit"),
    "task in transaction": (
        "worker/tasks.py",
        "with transaction.atomic():\n    other.delay(1)\n",
        "opens transactions",
    ),
    "open view": ("screening/api/a.py", "class A(APIView):\n    x = 1\n", "who may call it"),
    "open viewset": ("screening/api/a.py", "class A(ModelViewSet):\n    x = 1\n", "who may"),
    "open function": ("screening/api/a.py", "@api_view(['GET'])\ndef a(r): ...\n", "who may"),
    "address": ("screening/a.py", "logger.info('%s', user.email)\n", "user.email would be"),
    "name": ("screening/a.py", "logger.info('%s', clip.screening.patient.name)\n", "patient.name"),
    "result": ("worker/a.py", "logger.warning('%s', assessment.p_pd)\n", "p_pd would be"),
    "result in the science": ("ml/a.py", "logger.info('%s', score.p_pd)\n", "p_pd would be"),
    "whole user": ("screening/a.py", "logger.info('%s', user)\n", "user would be"),
    "secret variable": ("webapp/settings/base.py", "A = env('MIMIA_NEW')\n", "MIMIA_NEW is not"),
    "environ": ("ml/a.py", "a = os.environ['MIMIA_NEW']\n", "MIMIA_NEW is not"),
    "stub": ("ml/a.py", "def f():\n    raise NotImplementedError\n", "a stub"),
    "long function": ("ml/a.py", "def f():\n" + "    x = 1\n" * 61, "f has 62 lines"),
    "long file": ("ml/a.py", "x = 1\n" * 351, "351 lines"),
}
#: What ruff is asked for: a file's name, what stands in it, the rule's code.
OF_RUFF = {
    "f-string": ("worker/a.py", "logger.info(f'{x}')\n", "G004"),
    "swallowed": ("ml/a.py", "try:\n    f()\nexcept Exception:\n    pass\n", "S110"),
    "swallowed all": ("ml/a.py", "try:\n    f()\nexcept BaseException:\n    pass\n", "S110"),
    "later": ("ml/a.py", "x = 1  # TO" + "DO more\n", "FIX002"),
    "printed": ("ml/measuring/a.py", "print(1)\n", "T201"),
    "late import": ("ml/scoring/a.py", "def f():\n    import torch\n", "PLC0415"),
    "no docstring": ("screening/a.py", "x = 1\n", "D100"),
    "odd name": ("worker/a.py", "def doThis(): ...\n", "N802"),
}
ASKED_FOR = {
    "worker/tasks.py": LIMITED + "@limited_task('x', seconds=3)\ndef f():\n    other.delay(1)\n",
    "worker/sweeper.py": "current_app.send_task('x')\n",
    "screening/queue.py": "transaction.on_commit(lambda: current_app.send_task('x'))\n",
    "screening/api/views.py": "class A(APIView):\n    permission_classes = [B]\n",
    "screening/services/a.py": (
        "logger.info('%s %s', clip.id, patient.pseudonym)\n"
        "try:\n    f()\nexcept OSError:\n    pass\n"
    ),
    "webapp/settings/base.py": "A = env('MIMIA_KNOWN')\n",
    "docs/operations.md": "| `MIMIA_KNOWN` | known |\n",
}


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_what_is_asked_for_passes(tmp_path: Path) -> None:
    assert problems(tree(tmp_path, ASKED_FOR)) == []


@pytest.mark.parametrize("case", FORBIDDEN)
def test_what_is_forbidden_is_named(tmp_path: Path, case: str) -> None:
    name, text, sentence = FORBIDDEN[case]
    found = problems(tree(tmp_path, {name: text}))
    assert any(sentence in str(problem) for problem in found), found
    assert all(str(problem.path) == name for problem in found)


@pytest.mark.parametrize("case", OF_RUFF)
def test_ruff_holds_the_rest(case: str) -> None:
    name, text, code = OF_RUFF[case]
    asked = ["ruff", "check", "--no-cache", "--output-format=concise", f"--stdin-filename={name}"]
    said = subprocess.run(
        [sys.executable, "-m", *asked, "-"],
        cwd=ROOT,
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert f" {code} " in said.stdout


def test_the_house_itself_keeps_its_rules() -> None:
    assert [str(problem) for problem in problems(ROOT)] == []
