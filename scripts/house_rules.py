"""House rules that no ready-made linter knows, read off the syntax tree. ``make lint`` runs them.

- every Celery task is made by the one decorator that limits its time, and says its limit;
- nothing is enqueued except through ``screening/queue.py``'s on-commit door (the sweeper and the
  tasks themselves, which hold no transaction, are the two named exceptions);
- every API view states who may call it;
- no log call carries a name, an address, a secret or a result;
- every environment variable that the code reads is in ``docs/operations.md``;
- no function over 60 lines, no file over 350, no stub.

What ruff knows (nothing left for later, no f-string in a log call, no silent except …) is asked of
ruff, in ``pyproject.toml``. Prints one line a problem and exits 1 if there is any.
"""

import ast
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOMS = (
    *("vocabulary", "ml", "screening", "worker", "webapp", "experiments", "benchmarks"),
    *("scripts", "deploy"),
)
TASK_FILE = Path("worker/tasks.py")
TASK_DECORATOR = "limited_task"
QUEUE_DOOR = Path("screening/queue.py")
#: Enqueueing where no transaction is open: a sweep reads only, a task's step has committed.
OUTSIDE_TRANSACTIONS = {Path("worker/sweeper.py"), TASK_FILE}
ENQUEUES = {"delay", "apply_async", "send_task", "delay_on_commit", "apply_async_on_commit"}
LOG_METHODS = {"debug", "info", "warning", "error", "exception", "critical", "log"}
#: Names of attributes and variables that hold what must never reach a log.
HEALTH_NAMES = {
    *("email", "password", "token", "csrf", "note", "answers", "intake"),
    *("result", "grade", "severity", "p_pd", "hypomimia_index", "measurement", "signs"),
    *("skip_reason", "scopes"),
}
PEOPLE = {"user", "patient", "by", "actor", "reviewer"}
API_VIEW_BASES = re.compile(r"(APIView|ViewSet|GenericAPIView|ListAPIView|RetrieveAPIView)$")
#: Variables that other programs set and define (torchrun, Python, Django).
NOT_OURS = {"WORLD_SIZE", "RANK", "LOCAL_RANK", "PYTHONPATH", "DJANGO_SETTINGS_MODULE"}
#: Most files stay under 300; this is where one has two reasons to exist.
MAX_FILE_LINES = 350
MAX_FUNCTION_LINES = 60


@dataclass(frozen=True)
class Module:
    """One Python file: its path below the root, its text and its syntax tree."""

    path: Path
    text: str
    tree: ast.Module


@dataclass(frozen=True)
class Problem:
    path: Path
    line: int
    sentence: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.sentence}"


def modules(root: Path) -> list[Module]:
    """Every Python file of the rooms, but for migrations, which are written by a program."""
    found = []
    for room in ROOMS:
        for file in sorted((root / room).rglob("*.py")):
            if {"migrations", "node_modules"} & set(file.parts):
                continue
            text = file.read_text()
            found.append(Module(file.relative_to(root), text, ast.parse(text)))
    return found


def last_name(node: ast.expr) -> str:
    """``app.task(…)`` → ``task``; ``shared_task`` → ``shared_task``."""
    if isinstance(node, ast.Call):
        node = node.func
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def keywords(call: ast.Call) -> set[str]:
    return {keyword.arg for keyword in call.keywords if keyword.arg}


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))


def tasks_have_limits(module: Module) -> Iterator[Problem]:
    for function in functions(module.tree):
        for decorator in function.decorator_list:
            name = last_name(decorator)
            if name in {"shared_task", "task"}:
                yield Problem(
                    module.path,
                    function.lineno,
                    f"{function.name} is a task without @{TASK_DECORATOR}: it would have no limits",
                )
            elif name == TASK_DECORATOR and not (
                isinstance(decorator, ast.Call) and "seconds" in keywords(decorator)
            ):
                yield Problem(module.path, function.lineno, f"{function.name} says no limit")
    for call in calls(module.tree):
        if last_name(call) != "shared_task":
            continue
        lacking = {"soft_time_limit", "time_limit", "acks_late"} - keywords(call)
        if lacking:
            yield Problem(module.path, call.lineno, f"a task without {', '.join(sorted(lacking))}")


def nothing_enqueued_before_commit(module: Module) -> Iterator[Problem]:
    for call in calls(module.tree):
        if not isinstance(call.func, ast.Attribute) or call.func.attr not in ENQUEUES:
            continue
        if module.path in OUTSIDE_TRANSACTIONS:
            if re.search(r"\batomic\b", module.text):
                yield Problem(
                    module.path, call.lineno, "enqueues in a file that opens transactions"
                )
        elif module.path != QUEUE_DOOR:
            yield Problem(
                module.path,
                call.lineno,
                f".{call.func.attr}() goes round screening.queue.enqueue_on_commit",
            )
        elif "transaction.on_commit(" not in module.text:
            yield Problem(module.path, call.lineno, "the queue's door does not wait for the commit")


def stated(node: ast.ClassDef) -> set[str]:
    """The names that a class gives a value or a method."""
    names = {line.name for line in node.body if isinstance(line, ast.FunctionDef)}
    for line in node.body:
        targets = line.targets if isinstance(line, ast.Assign) else []
        names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return names


def api_views_state_their_permission(module: Module) -> Iterator[Problem]:
    """Heirs of the house's own ``View`` (``screening/api/base.py``) have its statement."""
    if module.path.parts[:2] not in {("screening", "api"), ("screening", "uploads")}:
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ClassDef):
            is_view = any(API_VIEW_BASES.search(last_name(base)) for base in node.bases)
            if is_view and not {"permission_classes", "get_permissions"} & stated(node):
                yield Problem(module.path, node.lineno, f"{node.name} does not say who may call it")
    for function in functions(module.tree):
        names = {last_name(decorator) for decorator in function.decorator_list}
        if "api_view" in names and "permission_classes" not in names:
            yield Problem(
                module.path, function.lineno, f"{function.name} does not say who may call it"
            )


def names_health(node: ast.expr) -> str:
    """The forbidden name that this expression would put into a log, or nothing."""
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute):
            owner = last_name(part.value)
            if part.attr in HEALTH_NAMES or (part.attr == "name" and owner in PEOPLE):
                return ast.unparse(part)
        elif isinstance(part, ast.Name) and part.id in HEALTH_NAMES | {"user", "patient"}:
            # `user.pk` and `patient.pseudonym` are fine: they were looked at as attributes.
            return part.id
    return ""


def logs_name_nobody(module: Module) -> Iterator[Problem]:
    if module.path.parts[0] in {"benchmarks", "scripts", "deploy"}:
        return
    for call in calls(module.tree):
        function = call.func
        if not (isinstance(function, ast.Attribute) and function.attr in LOG_METHODS):
            continue
        if last_name(function.value) not in {"logger", "logging", "log"}:
            continue
        for argument in [*call.args, *[keyword.value for keyword in call.keywords]]:
            allowed = isinstance(argument, ast.Attribute) and argument.attr in {
                *("pk", "id", "pseudonym", "state"),
            }
            named = "" if allowed else names_health(argument)
            if named:
                yield Problem(module.path, call.lineno, f"{named} would be written to the log")


def short_and_whole(module: Module) -> Iterator[Problem]:
    lines = module.text.count("\n")
    if lines > MAX_FILE_LINES:
        yield Problem(module.path, lines, f"{lines} lines; split it at {MAX_FILE_LINES}")
    for function in functions(module.tree):
        length = (function.end_lineno or function.lineno) - function.lineno + 1
        if length > MAX_FUNCTION_LINES:
            yield Problem(module.path, function.lineno, f"{function.name} has {length} lines")
    for node in ast.walk(module.tree):
        if (
            isinstance(node, ast.Raise)
            and node.exc
            and last_name(node.exc) == "NotImplementedError"
        ):
            yield Problem(module.path, node.lineno, "a stub: nothing is promised that is not there")


MODULE_RULES: tuple[Callable[[Module], Iterator[Problem]], ...] = (
    tasks_have_limits,
    nothing_enqueued_before_commit,
    api_views_state_their_permission,
    logs_name_nobody,
    short_and_whole,
)


def variables_read(module: Module) -> Iterator[tuple[str, int]]:
    """Environment variables that a module reads: ``env.int("X")``, ``os.environ["X"]`` …"""
    for node in ast.walk(module.tree):
        first: ast.expr | None = None
        if not isinstance(node, ast.expr):
            continue
        if isinstance(node, ast.Call) and node.args:
            source = ast.unparse(node.func)
            if re.fullmatch(r"(self\.)?env(\.\w+)?|os\.(getenv|environ\.get)", source):
                first = node.args[0]
        elif isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ":
            first = node.slice
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            yield first.value, node.lineno


def settings_are_documented(root: Path, found: list[Module]) -> Iterator[Problem]:
    page = root / "docs" / "operations.md"
    text = page.read_text() if page.exists() else ""
    for module in found:
        for name, line in variables_read(module):
            if name not in NOT_OURS and f"`{name}`" not in text:
                yield Problem(module.path, line, f"{name} is not explained in docs/operations.md")


def problems(root: Path) -> list[Problem]:
    found = modules(root)
    listed = [problem for module in found for rule in MODULE_RULES for problem in rule(module)]
    return listed + list(settings_are_documented(root, found))


def main() -> int:
    listed = problems(Path(__file__).resolve().parents[1])
    for problem in listed:
        print(problem)
    return 1 if listed else 0


if __name__ == "__main__":
    sys.exit(main())
