"""The page about ASVS has every row once, and what it names is there: it cannot rot in silence."""

import ast
import re
from functools import cache
from pathlib import Path

from django.core.management import get_commands

from tests.house.test_production import CHOSEN, run_python

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/asvs.md").read_text()
#: The numbers of ASVS 4.0.3's requirements of level 2, by section.
SECTIONS = """
1.1 1-7; 1.2 1-4; 1.4 1 4-5; 1.5 1-4; 1.6 1-4; 1.7 1-2; 1.8 1-2; 1.9 1-2; 1.10 1; 1.11 1-2;
1.12 2; 1.14 1-6; 2.1 1-12; 2.2 1-3; 2.3 1-3; 2.4 1-5; 2.5 1-7; 2.6 1-3; 2.7 1-6; 2.8 1-7;
2.9 1-3; 2.10 1-4; 3.1 1; 3.2 1-4; 3.3 1-4; 3.4 1-5; 3.5 1-3; 3.7 1; 4.1 1-3 5; 4.2 1-2;
4.3 1-3; 5.1 1-5; 5.2 1-8; 5.3 1-10; 5.4 1-3; 5.5 1-4; 6.1 1-3; 6.2 1-6; 6.3 1-2; 6.4 1-2;
7.1 1-4; 7.2 1-2; 7.3 1 3-4; 7.4 1-3; 8.1 1-4; 8.2 1-3; 8.3 1-8; 9.1 1-3; 9.2 1-4; 10.2 1-2;
10.3 1-3; 11.1 1-8; 12.1 1-3; 12.2 1; 12.3 1-6; 12.4 1-2; 12.5 1-2; 12.6 1; 13.1 1 3-5;
13.2 1-3 5-6; 13.3 1-2; 13.4 1-2; 14.1 1-4; 14.2 1-6; 14.3 2-3; 14.4 1-7; 14.5 1-4
"""
ROW = re.compile(r"^\| (\d+\.\d+\.\d+) \| (.+?) \| \**([a-z ]+)\** \| (.+) \|$", re.MULTILINE)
ROWS = ROW.findall(PAGE)
STATUS = ("met", "partly", "not met", "not applicable")
TEST = re.compile(r"`((?:[\w/]+/)?test_\w+)?(?:::(\w+))?`")
#: Words in capitals that are no settings: methods, names of codes.
SETTING = re.compile(r"`([A-Z][A-Z0-9]*_[A-Z0-9_]+|DEBUG|DATABASES|STORAGES)`")
PATH = re.compile(r"`([\w.-]*(?:[\w-]+/)+[\w./-]+\.\w+|\.ci/run|\w+\.(?:md|yml|txt)|Dockerfile)`")


def level_2() -> list[str]:
    found = []
    for part in SECTIONS.replace("\n", " ").split(";"):
        section, *runs = part.split()
        for run in runs:
            first, _, last = run.partition("-")
            found += [f"{section}.{n}" for n in range(int(first), int(last or first) + 1)]
    return found


@cache
def functions_of(file: Path) -> set[str]:
    tree = ast.parse(file.read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, kinds)}


def test_every_requirement_of_level_2_has_one_row() -> None:
    wanted = level_2()
    assert len(wanted) == len(set(wanted)) == 259
    assert [number for number, *_ in ROWS] == wanted
    assert {status for _, _, status, _ in ROWS} == set(STATUS)


def test_the_count_at_the_head_is_right() -> None:
    counted = [sum(row[2] == status for row in ROWS) for status in STATUS]
    assert "| " + " | ".join(map(str, counted)) + " |" in PAGE


def test_every_test_that_it_names_exists() -> None:
    named = 0
    for number, _, _, how in ROWS:
        file = None
        for module, function in TEST.findall(how):
            if module:
                file = ROOT / "tests" / f"{module}.py"
                assert file.is_file(), f"{number}: {module}"
            if function:
                assert file is not None, f"{number}: ::{function} stands without its file"
                assert f"test_{function}" in functions_of(file), f"{number}: {function}"
                named += 1
    assert named > 100


def test_every_file_that_it_names_exists() -> None:
    named = {(number, path) for number, _, _, how in ROWS for path in PATH.findall(how)}
    assert len({path for _, path in named}) > 30
    links = re.findall(r"\]\((?!https:)([^)]+)\)", PAGE)
    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []
    assert [one for one in sorted(named) if not (ROOT / one[1]).exists()] == []


def test_every_setting_that_it_names_exists(tmp_path: Path) -> None:
    names = sorted({name for *_, how in ROWS for name in SETTING.findall(how)})
    documented = (ROOT / "docs/operations.md").read_text() + (
        ROOT / "docker-compose.yml"
    ).read_text()
    assert len(names) > 30
    own = [name for name in names if not re.search(rf"\b{name}\b", documented)]
    asked = (
        f"import django; django.setup(); from django.conf import settings as s; "
        f"print([n for n in {own!r} if not hasattr(s, n)])"
    )
    done = run_python(tmp_path, "-c", asked, **CHOSEN)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_every_command_that_it_names_exists() -> None:
    assert set(re.findall(r"`manage\.py (\w+)`", PAGE)) <= set(get_commands())
    targets = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert targets is not None
    assert set(re.findall(r"`make (\w+)`", PAGE)) <= set(targets[1].split())


def test_the_threat_model_leads_to_the_page() -> None:
    assert "(asvs.md)" in (ROOT / "docs/threat-model.md").read_text()
