"""The map shows what is there: each file, folder and page that it names exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("architecture.md", "extending.md")
#: A name without a folder is a page's script: the walk says once which folder it means.
SCRIPTS = ROOT / "webapp/frontend/src"


def named(page: str) -> list[str]:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    code = re.findall(r"`([\w./-]+(?:\.(?:py|ts|json|md|toml|svg)|/))`", text)
    return sorted({name for name in code if "<" not in name})


@pytest.mark.parametrize("page", PAGES)
def test_every_file_it_names_exists(page: str) -> None:
    names = named(page)
    assert len(names) > 10, "the page's way of naming files has changed"
    scripts = {path.name for path in SCRIPTS.rglob("*.ts")}
    lost = [name for name in names if not (ROOT / name).exists() and name not in scripts]
    assert not lost


def pages() -> list[str]:
    found = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("experiments/**/*.md")]
    return sorted(str(path.relative_to(ROOT)) for path in found)


@pytest.mark.parametrize("page", pages())
def test_every_page_it_leads_to_exists(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)
    lost = [link for link in links if not ((ROOT / page).parent / link).exists()]
    assert not lost
