"""Clocks: no single one measures elapsed time reliably. All times and durations are in seconds."""

from __future__ import annotations

import random
import select
import sys
import time
from typing import Optional, Protocol, Tuple

from ._problems import BACKOFFS

# A generator of our own: a program that calls random.seed(0) would send its requests when all its copies do.
RANDOM: random.Random = random.SystemRandom()

# If the two clocks differ by more, one of them stopped or was set.
_DIVERGED_SECONDS = 0.25

# Both clocks are read within this time, or again: a pause between the readings would be counted by one clock and then by the
# other.
_LONGEST_READING_SECONDS = 0.01
_READINGS = 3

# time.monotonic() stops while the machine sleeps, on Linux (https://man7.org/linux/man-pages/man2/clock_gettime.2.html) and
# on macOS (https://github.com/python/cpython/issues/86273). These clocks do not.
_CLOCK_ID: Optional[int] = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC_RAW", None))


class Clock(Protocol):
    """The time. Tests pass another one."""

    def wall(self) -> float:
        """Seconds since the epoch, by a clock that users can set."""
        ...

    def monotonic(self) -> float:
        """Seconds since any time, by a clock that cannot be set, but may stop while the machine sleeps."""
        ...

    def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The clocks of this machine."""

    def wall(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic() if _CLOCK_ID is None else time.clock_gettime(_CLOCK_ID)

    def sleep(self, seconds: float) -> None:
        # Before Python 3.11, threading.Event.wait lasts an hour longer if the wall clock is set back by an hour
        # (https://github.com/python/cpython/issues/91394). Since 3.11, time.sleep fails under libfaketime, which the
        # conformance kit uses.
        if sys.platform == "win32":
            time.sleep(seconds)
        else:
            select.select([], [], [], seconds)


class Stopwatch:
    """Elapsed seconds: the larger of what the two clocks have counted."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        # Wall clock, monotonic clock and elapsed time. Replaced as a whole: threads read it without a lock.
        self._anchor = (*self._now(), 0.0)

    def _now(self) -> Tuple[float, float]:
        for reading in range(_READINGS):
            before = self.clock.monotonic()
            wall, monotonic = self.clock.wall(), self.clock.monotonic()
            if monotonic - before < _LONGEST_READING_SECONDS:
                break
        return wall, monotonic

    def read(self) -> float:
        wall, monotonic, elapsed = self._anchor
        now_wall, now_monotonic = self._now()
        by_wall, by_monotonic = now_wall - wall, now_monotonic - monotonic
        now = elapsed + max(by_wall, by_monotonic, 0.0)
        # Without a new anchor, a wall clock that is set back after a sleep would cancel the sleep out.
        if abs(by_wall - by_monotonic) > _DIVERGED_SECONDS:
            self._anchor = (now_wall, now_monotonic, now)
        return now


_LONGEST_RETRY_AFTER_SECONDS = 300.0


def backoff_seconds(backoff: str, retries: int, retry_after: Optional[int]) -> float:
    """Retry-After, then a random time whose upper bound doubles with each retry ("full jitter")."""
    first, longest = BACKOFFS[backoff]
    jitter = RANDOM.uniform(0.0, min(longest, first * 2.0 ** min(retries, 32)))
    # After a full pool, Retry-After is when a lease ends: a seat can be released before.
    if backoff == "seat":
        return jitter if retry_after is None else min(jitter, float(retry_after))
    return least_seconds(backoff, retry_after) + jitter


def least_seconds(backoff: str, retry_after: Optional[int]) -> float:
    """The part of Retry-After that counts: proxies send hours and years, which must not keep a seat lost."""
    return 0.0 if backoff == "seat" else min(float(retry_after or 0), _LONGEST_RETRY_AFTER_SECONDS)
