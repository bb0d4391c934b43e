"""Where a sender may die: every step that writes the store, every commit, the wire, and the files of landing.

The steps are found, not listed: a function that writes a table is one, and so is one that calls it with a store
of its own. Nobody can add a transition to the ledger that the harness does not kill at.
"""

import ast
import importlib
import inspect
import pkgutil
from dataclasses import dataclass
from functools import cache

import connectors.delivery
import connectors.feedback

MODULES = (
    "connectors.store",
    *(f"connectors.delivery.{info.name}" for info in pkgutil.iter_modules(connectors.delivery.__path__)),
    *(f"connectors.feedback.{info.name}" for info in pkgutil.iter_modules(connectors.feedback.__path__)),
)
WRITES = ("update", "insert", "delete")

ELSEWHERE = {
    "alerts": "people are told after a run; no message depends on it",
    "fence": "before a run; tests/connectors/delivery/test_fence.py kills it at every step",
    "facts._take_file": "what landed meanwhile is read before a claim; nothing of a message is written",
    "facts.take_fresh_facts": "as above",
    "facts.keep_facts": "what the collector acknowledges; nothing of a message is written",
    "facts._keep": "as above",
    "store.sync_": "copies from the warehouse; the same rows again change nothing",
    "store._mark_synced": "as above",
    "store.register_tokens": "what apps report, not what is sent",
    "store.lift_suppression": "a person's START; tests/connectors/feedback/test_once.py",
    "effects._tell": "the same",
    "doubts.reconcile": "one statement in a transaction of its own, which no run calls",
}
"""Steps that the lives of the harness do not come by, by the beginning of their name, and why not."""

AROUND = ("call", "commit", "landing.write", "read_back.ask")
INSIDE = (
    "landing: half a file",
    "landing: a file that is not visible yet",
    "wire: before a connection",
    "wire: before a write",
    "wire: half of a write",
    "wire: after a write",
    "wire: an answer has come",
)


@dataclass(frozen=True, slots=True)
class Step:
    """A function that writes the store; `tables` are those that it names in its own statements."""

    module: str
    function: str
    tables: frozenset

    @property
    def name(self):
        return f"{self.module.rpartition('.')[2]}.{self.function}"


@cache
def find_steps():
    """Every step by name."""
    functions, steps = {}, {}
    for path in MODULES:
        tree = ast.parse(inspect.getsource(importlib.import_module(path)))
        nodes = {(path, node.name): node for node in tree.body if isinstance(node, ast.FunctionDef)}
        functions |= nodes
        steps |= _writers(tree, nodes)
    while callers := [key for key in functions if key not in steps and _is_caller(key, functions, steps)]:
        steps |= dict.fromkeys(callers, frozenset())
    return {step.name: step for step in (Step(*key, tables) for key, tables in steps.items())}


def _writers(tree, nodes):
    """Functions with statements of their own, or that use one that the module has prepared; and its tables."""
    prepared = {
        target.id: tables
        for node in tree.body
        if isinstance(node, ast.Assign) and (tables := _written(node.value))
        for target in node.targets
    }
    found = {
        key: _written(node).union(*(prepared[name] for name in _names(node) & prepared.keys()))
        for key, node in nodes.items()
    }
    return {key: tables for key, tables in found.items() if tables}


def _is_caller(key, functions, steps):
    """Whether a function is given the store, so that the transaction is its own, and calls a step in it."""
    path, node = key[0], functions[key]
    has_store = bool(node.args.args) and node.args.args[0].arg == "store"
    return has_store and any(_place(path, name) in steps for name in _names(node))


def all_points(steps):
    """The names of all points."""
    around = [*sorted(steps.keys() - {"loop.deliver"}), *AROUND]
    return [f"{name}: {when}" for name in around for when in ("before", "after")] + list(INSIDE)


def is_elsewhere(point):
    """Whether no life of the harness is expected to come by."""
    return any(point.startswith(name) for name in ELSEWHERE)


def _names(node):
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def _place(path, name):
    """Where the function lives that a module calls by this name."""
    found = getattr(importlib.import_module(path), name, None)
    return (getattr(found, "__module__", None), getattr(found, "__name__", None))


def _written(tree):
    """Tables that are written by statements inside: `sa.update(messages)`, `insert(connection, messages)`."""
    return frozenset(
        call.args[-1].id if isinstance(call.args[-1], ast.Name) else ast.unparse(call.args[-1])
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and call.args and _verb(call.func) in WRITES
    )


def _verb(function):
    """`update` of `sa.update`; a method of something else is no statement."""
    match function:
        case ast.Attribute(value=ast.Name(id="sa"), attr=verb) | ast.Name(id=verb):
            return verb
    return None
