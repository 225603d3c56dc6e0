"""A handle on a model that is kept elsewhere: what a visitor's session may hold for as long as it likes.

An attack that waits for a click, a button's arguments, a result all refer to the model that they belong to, and sessions outlive their visitors by
minutes. With a handle in its place the store (core.memory.store) alone decides how long a model stays: whoever uses the handle again gets the model
as it is kept, or has it loaded again.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from functools import cache
from typing import Any, cast

from core.memory.sizes import Uncounted

USED = 2
"""Models that a thread holds on to while it runs: a page compares two at most."""
_using = threading.local()


class Handle(Uncounted):
    """Stands for a model. Its own attributes begin with `handle_`; all others are the model's, but for those given as plain values."""

    def __init__(self, key: Any, resolve: Callable[[], Any], known: dict[str, Any]) -> None:
        self.handle_key, self.handle_resolve, self.handle_known = key, resolve, known

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Handle) and self.handle_key == other.handle_key

    def __hash__(self) -> int:
        return hash(self.handle_key)


def on(key: Any, resolve: Callable[[], Any], known: tuple[str, ...] = ()) -> Any:
    """A handle on the model that `resolve` loads, or finds loaded. `known` names attributes that are small and never change, so that asking
    for them loads nothing. A capability (core.types) is found in the handle as it is in the model."""
    model = _held(key, resolve())
    kind: Any = _class_for(cast("Any", type(model)), tuple(sorted(name for name in dir(model) if not name.startswith("__"))))
    return kind(key, resolve, {name: getattr(model, name) for name in known})


def _held(key: Any, model: Any) -> Any:
    """The thread that asks holds on to the model until it ends or has used others: what a running script uses stays loaded."""
    used = _using.__dict__.setdefault("models", OrderedDict())
    used.pop(key, None)
    used[key] = model
    while len(used) > USED:
        used.popitem(last=False)
    return model


def _resolved(key: Any, resolve: Callable[[], Any]) -> Any:
    """The model as this thread holds it, or as it is kept."""
    found = _using.__dict__.get("models", {}).get(key)
    return found if found is not None else _held(key, resolve())


def _forwarded(name: str) -> property:
    def get(self: Handle) -> Any:
        if name in self.handle_known:
            return self.handle_known[name]
        return getattr(_resolved(self.handle_key, self.handle_resolve), name)

    return property(get)


@cache
def _class_for(kind: Any, names: tuple[str, ...]) -> type[Handle]:
    """A class whose instances pass for `kind`, and whose attributes are its own: protocols look for them in the class."""
    own = {name: _forwarded(name) for name in names}
    return cast("type[Handle]", type(f"Handle on {kind.__name__}", (Handle,), {**own, "__class__": property(lambda self: kind)}))
