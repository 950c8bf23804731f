"""The server's time without the server. Times are in seconds since the epoch."""

from __future__ import annotations

import threading
from typing import NamedTuple

from ._time import Stopwatch

# Clocks are corrected in small steps: that is not setting them back.
_TOLERANCE_SECONDS = 300.0
_NEVER = (0.0, 0.0)


class Measured(NamedTuple):
    #: Server's time minus wall clock.
    offset: float
    #: The latest time that the wall clock has shown since the offset was measured.
    latest_wall: float
    #: The latest answer, by the server's clock.
    last_contact: float


class ServerTime:
    """Judges this machine's clock against itself alone: it may be wrong by minutes or days, but must not be set back."""

    def __init__(self, stopwatch: Stopwatch) -> None:
        self._stopwatch = stopwatch
        self._clock = stopwatch.clock
        self._lock = threading.RLock()
        self.restore(Measured(0.0, self._clock.wall(), 0.0))

    def restore(self, measured: Measured) -> None:
        """Continues with what an earlier program has measured."""
        with self._lock:
            self._measured = measured
            # The latest result of now(), and when it was, by the stopwatch.
            self._seen = _NEVER

    def observe(self, server_time: float, sent_at: float) -> None:
        """Compares the clocks after a good answer. Counted from sending: the result is never too early."""
        wall = self._clock.wall()
        sent_wall = wall - (self._stopwatch.read() - sent_at)
        self.restore(Measured(server_time - sent_wall, wall, server_time))

    def now(self) -> float:
        """Never goes back, and at least 99.5 % of the elapsed time passes, whatever the wall clock shows."""
        with self._lock:
            elapsed = self._stopwatch.read()
            seen, at = self._seen
            latest_wall = max(self._measured.latest_wall, self._clock.wall())
            self._measured = self._measured._replace(latest_wall=latest_wall)
            now = max(latest_wall + self._measured.offset, seen + 0.995 * (elapsed - at))
            self._seen = (now, elapsed)
            return now

    def measured(self) -> Measured:
        """For the next program: it must not see an earlier time."""
        self.now()
        return self._measured

    def is_set_back(self) -> bool:
        return self._clock.wall() < self._measured.latest_wall - _TOLERANCE_SECONDS
