"""Reports changes of a seat to the program."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Callable, Dict, List, NamedTuple, Optional

from ._errors import SeatleaseError

if TYPE_CHECKING:
    from ._seat import Seat

EVENTS = ("online", "offline", "reacquired", "grace_at_risk", "lost")


class Event(NamedTuple):
    name: str
    seat: "Seat"
    #: Why, for ``offline``, ``lost`` and ``grace_at_risk``.
    code: Optional[str] = None
    error: Optional[SeatleaseError] = None


Listener = Callable[[Event], Any]


class Emitter:
    """Listeners by event. An error of a listener is logged: it must not stop a heartbeat."""

    def __init__(self) -> None:
        self._listeners: Dict[str, List[Listener]] = {name: [] for name in EVENTS}

    def on(self, event: str, listener: Listener) -> Callable[[], None]:
        """Adds a listener. Returns a function that removes it. Raises SeatleaseError OPTION_INVALID for another event."""
        if event not in self._listeners:
            raise SeatleaseError("OPTION_INVALID", f"There is no event {event!r}. Events: {', '.join(EVENTS)}.")
        # A list is replaced, never changed: emit() may be reading it in another thread.
        self._listeners[event] = [*self._listeners[event], listener]

        def off() -> None:
            self._listeners[event] = [each for each in self._listeners[event] if each is not listener]

        return off

    def emit(self, name: str, seat: "Seat", error: Optional[SeatleaseError] = None) -> None:
        event = Event(name, seat, error.code if error else None, error)
        for listener in self._listeners[name]:
            try:
                listener(event)
            except Exception:
                logging.getLogger("seatlease").exception("A listener of %r failed.", name)
