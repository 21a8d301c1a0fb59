"""Types management commands one after the other, in one process: starting Python costs seconds.

Reads a list of steps from standard input: a list is a command with its arguments, a string is code
that leaves ``answer``. Prints one JSON list: ``{"code", "out", "err"}`` or the answer of each.
"""

import io
import json
import sys
import traceback
from typing import Any

import django

django.setup()

from django.core.management import CommandError, call_command  # noqa: E402


def typed(command: list[str]) -> dict[str, Any]:
    out, err, code = io.StringIO(), io.StringIO(), 0
    try:
        call_command(*command, stdout=out, stderr=err)
    except CommandError as refused:
        err.write(str(refused))
        code = refused.returncode
    except SystemExit as ended:
        code = int(ended.code or 0)
    except Exception:
        err.write(traceback.format_exc())
        code = -1
    return {"code": code, "out": out.getvalue(), "err": err.getvalue()}


def answered(code: str) -> Any:
    names: dict[str, Any] = {}
    exec(code, names)
    return names.get("answer")


def main() -> None:
    steps = json.loads(sys.stdin.read())
    print(json.dumps([typed(one) if isinstance(one, list) else answered(one) for one in steps]))


if __name__ == "__main__":
    main()
