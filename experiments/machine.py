"""Where and when figures were made, for the head of their page."""

import os
import platform
from datetime import UTC, datetime
from pathlib import Path


def today() -> str:
    return datetime.now(UTC).date().isoformat()


def processor() -> str:
    """Its name where the system tells it, and how many cores there are."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    name = names[0] if names else platform.processor() or platform.machine()
    return f"{name}, {os.cpu_count()} cores"
