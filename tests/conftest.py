"""What every test may use: real servers on free ports, and a strict mode in which a skip fails."""

pytest_plugins = [
    "tests.strict",
    "tests.parallel",
    "tests.servers",
    "tests.stores",
    "tests.clips",
    "tests.ready",
    "tests.silence",
]
