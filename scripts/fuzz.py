"""Runs ``tests.fuzz`` on a fresh SQLite file and on a fresh PostgreSQL; see ``fuzz.sh``."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.servers import PostgreSQL, running  # noqa: E402


def fuzz(database_url: str, arguments: list[str]) -> int:
    print(f"== {database_url.partition(':')[0] or 'sqlite'}", flush=True)
    with tempfile.TemporaryDirectory(prefix="mimia-fuzz-") as folder:
        url = database_url or f"sqlite:///{folder}/fuzz.sqlite3"
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "webapp.settings.test",
            "DATABASE_URL": url,
            "MIMIA_VAR": folder,
            "MIMIA_LOG_LEVEL": "ERROR",
        }
        command = [sys.executable, "-m", "tests.fuzz", *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def main() -> int:
    failed = fuzz("", sys.argv[1:])
    if list(Path("/usr/lib/postgresql").glob("*/bin/postgres")):
        with running(PostgreSQL) as server:
            failed |= fuzz(server.create_database("fuzz"), sys.argv[1:])
    return failed


if __name__ == "__main__":
    sys.exit(main())
