"""One held seat: its lease, its heartbeats and what the program may believe.

Times are seconds of the stopwatch, unless they are named otherwise. No listener is called while a lock is held.
"""

from __future__ import annotations

import logging
import math
import os
import threading
import uuid
from datetime import datetime, timezone
from types import TracebackType
from typing import Callable, Dict, Mapping, Optional, Tuple, Type

from ._answers import Entitlements, Extension, Grant, read_heartbeat
from ._errors import SeatleaseError, step_after
from ._events import Emitter, Listener
from ._offline import Grace
from ._server import TIMEOUT_SECONDS, Server
from ._time import RANDOM, least_seconds, backoff_seconds

# Part of a lease that the client does not use, because clocks run at different speeds.
_MARGIN = 0.005
# Tries that fit between a due heartbeat and the end of the lease.
_TRIES = 3
# A machine may sleep, and timers with it: afterwards the clocks are read within this time.
_LONGEST_WAIT_SECONDS = 1.0
# If a wait or a request takes so much longer than it may, the program was asleep or a clock was set.
_LATE_SECONDS = 2.0
# A machine that wakes up needs seconds to find its network.
_WAKING_PAUSE_SECONDS = (1.0, 3.0)
_LEAST_TIMEOUT_SECONDS = 0.25
# A seat with heartbeats is free when its lease ends; a loan stays taken for days.
_RELEASE_SECONDS, _RETURN_SECONDS = 2.0, 20.0
_RELEASE_PAUSE_SECONDS = (0.05, 0.5)


#: Sends one acquire, with instance_id, borrow_days and the longest time in seconds. Returns the grant and when the request
#: was sent. Raises SeatleaseError.
Ask = Callable[[str, Optional[int], float], Tuple[Grant, float]]


class Seat:
    """A granted seat. Its properties are computed when they are read, from any thread.

    ``with`` releases it. A seat that is not released is released when the program ends.
    """

    def __init__(self, server: Server, grace: Grace, emitter: Emitter, ask: Ask) -> None:
        self._server = server
        self._stopwatch = server.stopwatch
        self._clock = server.stopwatch.clock
        self._grace = grace
        self._emitter = emitter
        self._ask = ask
        self._instance_id = str(uuid.uuid4())
        self._grant: Optional[Grant] = None
        #: None while there is no session: before the first grant, and until it is acquired again.
        self._token: Optional[str] = None
        self._entitlements = Entitlements()
        self._ends_at = self._due_at = self._next_at = 0.0
        #: When the thread of the heartbeats expects to run again, and the state before.
        self._expected = (math.inf, "")
        #: Failed tries in a row, since the last good answer or the last gap.
        self._failures = 0
        #: Retries by backoff, since the last good answer: a full pool after an outage is asked soon.
        self._retries: Dict[str, int] = {}
        # A definite answer said that there is no right to a seat now: only the lease is left.
        self._is_barred = False
        self._problem: Optional[SeatleaseError] = None
        #: "lost" or "released".
        self._end: Optional[str] = None
        # No release waits for a grant that is under way: it is released when it arrives.
        self._is_abandoned = False
        #: The state that was last reported to listeners.
        self._reported = "online"
        self._pid = os.getpid()
        self._reset_locks()

    def _reset_locks(self) -> None:
        # Reentrant: a signal handler may read the state in the middle of any line.
        self._lock = threading.RLock()
        # Held while an acquire is under way: a release waits for its session.
        self._acquiring = threading.Lock()

    def _after_fork(self) -> None:
        """In the child: another thread may have held a lock, and the seat belongs to the parent."""
        self._reset_locks()
        self._end = "released"

    # What the program reads.

    @property
    def state(self) -> str:
        """``online``: held. ``offline``: the server does not answer. ``expired``: do not use it. ``released``."""
        with self._lock:
            if self._end:
                return "released" if self._end == "released" else "expired"
            if self.holds_lease:
                return "online" if self._failures < _TRIES else "offline"
            return "offline" if not self._is_barred and self._grace.why_unusable() is None else "expired"

    @property
    def may_run(self) -> bool:
        """Whether the program may run: online, or offline within the lease or the verified grace."""
        return self.state in ("online", "offline")

    @property
    def holds_lease(self) -> bool:
        """Whether the server certainly counts this seat as ours."""
        return not self._end and self._stopwatch.read() < self._ends_at

    @property
    def session_id(self) -> Optional[str]:
        return self._grant.session_id if self._grant else None

    @property
    def license_id(self) -> Optional[str]:
        license = self._grant or self._grace.license
        return license.license_id if license else None

    @property
    def plan(self) -> Optional[str]:
        return self._entitlements.plan

    @property
    def features(self) -> Tuple[str, ...]:
        return self._entitlements.features

    def has(self, feature: str) -> bool:
        return feature in self._entitlements.features

    @property
    def limits(self) -> Mapping[str, float]:
        return self._entitlements.limits

    @property
    def borrowed_until(self) -> Optional[datetime]:
        """When a borrowed seat ends, by the server's clock. None for a seat with heartbeats."""
        return _datetime(self._grant.borrowed_until if self._grant else None)

    @property
    def offline_until(self) -> Optional[datetime]:
        """Until when the signed license allows use without the server. None without a signed license."""
        return None if self._end else _datetime(self._grace.until)

    @property
    def problem(self) -> Optional[SeatleaseError]:
        """The latest failure. None while online."""
        return self._problem

    def on(self, event: str, listener: Listener) -> Callable[[], None]:
        """Calls ``listener(event)`` in the thread of the heartbeats. Returns a function that removes it.

        Raises SeatleaseError OPTION_INVALID if there is no such event.
        """
        return self._emitter.on(event, listener)

    def __repr__(self) -> str:
        shown = ("session_id", "license_id", "state", "plan", "features", "borrowed_until", "offline_until", "problem")
        return f"<Seat {' '.join(f'{name}={getattr(self, name)!r}' for name in shown)}>"

    def __enter__(self) -> "Seat":
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.release()

    def release(self) -> None:
        """From the call on the program must not use the seat, whatever the server answers. Takes 2 seconds at most.

        Raises SeatleaseError only if a borrowed seat could not be returned in 20 seconds: call it again, or the seat stays
        taken until the loan ends. Any other seat is free when its lease ends.
        """
        self._release(_RETURN_SECONDS if self._is_loan else _RELEASE_SECONDS)

    # Leases.

    @property
    def _is_loan(self) -> bool:
        return self._grant is not None and self._grant.borrowed_until is not None

    @property
    def _pause(self) -> float:
        """Seconds between tries, so that all of them end before the lease does."""
        return max((self._ends_at - self._due_at) / _TRIES, 0.0)

    def _acquire(self, borrow_days: Optional[int], seconds: float) -> None:
        """Sends one acquire, and holds the seat that it grants. Raises SeatleaseError, also if the seat has ended."""
        with self._acquiring:
            if not self._end:
                grant, sent_at = self._ask(self._instance_id, borrow_days, seconds)
                with self._lock:
                    replaced, replaced_token = self._grant, self._token
                    is_unwanted = self._is_abandoned or self._end == "lost"
                    self._grant = grant
                    self._extend(grant.extension, sent_at)
                if is_unwanted:
                    self._send_release(grant.session_id, grant.extension.session_token, _RELEASE_SECONDS)
                elif not self._end:
                    self._grace.granted(grant)
                    # A loan replaces the session with heartbeats.
                    if replaced and replaced_token and replaced.session_id != grant.session_id:
                        self._send_release(replaced.session_id, replaced_token, _RELEASE_SECONDS)
            if self._end:
                raise SeatleaseError("SESSION_ENDED", "The seat was released while it was being acquired.")

    def _resume_loan(self, session_id: str, seconds: float) -> None:
        """Holds the stored loan, online if the server answers. Raises SeatleaseError if the loan has ended."""
        try:
            extension, sent_at = self._server.call(
                "heartbeat", {"session_id": session_id}, lambda body: read_heartbeat(body, session_id), seconds
            )
        except SeatleaseError as error:
            if step_after(error, held=True).do != "retry":
                raise
            self._hold_offline(session_id)
            return
        self._hold_offline(session_id)
        with self._lock:
            self._reported = "online"
            self._extend(extension, sent_at)

    def _hold_offline(self, loan: Optional[str]) -> None:
        """Holds the seat of the stored license. loan: the session of a borrowed one."""
        with self._lock:
            self._reported, self._failures = "offline", _TRIES
            self._entitlements = self._grace.entitlements
            self._next_at = self._stopwatch.read() + backoff_seconds("outage", _TRIES, None)
            license = self._grace.license
            if loan and license:
                no_lease = Extension("", 0, 0, 0, None, False)
                self._grant = Grant(loan, license.license_id, no_lease, 0, 0, license.offline_until)

    def _extend(self, extension: Extension, sent_at: float) -> None:
        """Counts the lease from the sending: the server has counted from a later moment."""
        self._token = extension.session_token
        self._entitlements = extension.entitlements or self._entitlements
        self._ends_at = sent_at + extension.ttl_seconds * (1 - _MARGIN)
        self._due_at = sent_at + extension.interval_seconds
        # Up to a tenth earlier, so that programs that start together spread out.
        earlier_seconds = extension.interval_seconds * 0.1 * RANDOM.random()
        self._next_at = self._ends_at if self._is_loan else self._due_at - earlier_seconds
        self._failures, self._is_barred, self._problem = 0, False, None
        self._retries.clear()
        self._grace.time.observe(extension.server_time, sent_at)

    # Heartbeats.

    def _run(self) -> None:
        """The thread of the heartbeats."""
        while True:
            try:
                seconds = self._tick()
            except Exception:
                # A fault of ours must not end the heartbeats, and must not be hidden.
                logging.getLogger("seatlease").exception("A heartbeat failed.")
                seconds = _LONGEST_WAIT_SECONDS
            if seconds is None:
                return
            self._clock.sleep(seconds)

    def _tick(self) -> Optional[float]:
        """Does what is due. Returns the seconds until something is due again; None after the end."""
        if self._end:
            return None
        self._notice_gap()
        if self._stopwatch.read() >= self._next_at:
            self._try()
        self._announce()
        grant = self._grant
        if grant is not None and self._token is not None and self.state == "online":
            seconds = max(self._next_at - self._stopwatch.read(), 1.0)
            self._expect_to_run_in(seconds)
            self._warn(self._grace.sign_if_due(grant, seconds))
            self._notice_gap()
        self._grace.note()
        now = self._stopwatch.read()
        grace_seconds = (self._grace.until or 0.0) - self._grace.time.now()
        changes = [seconds for seconds in (self._ends_at - now, grace_seconds) if seconds > 0]
        seconds = min(_LONGEST_WAIT_SECONDS, *changes, max(self._next_at - now, 0.01))
        self._expect_to_run_in(seconds)
        return None if self._end else seconds

    def _expect_to_run_in(self, seconds: float) -> None:
        self._expected = (self._stopwatch.read() + seconds, self.state)

    def _notice_gap(self) -> None:
        """After a sleep, a pause or a step of a clock that ended the lease: asks at once, and counts failures anew."""
        expected_at, state = self._expected
        with self._lock:
            now = self._stopwatch.read()
            if now > expected_at + _LATE_SECONDS and self.state != state:
                self._failures, self._next_at = 0, now

    def _try(self) -> None:
        """Sends a heartbeat, or an acquire if there is no session."""
        sent_at = self._stopwatch.read()
        seconds = TIMEOUT_SECONDS
        if self.holds_lease:
            seconds = min(seconds, max(self._pause * 0.75, _LEAST_TIMEOUT_SECONDS))
        self._expect_to_run_in(seconds)
        grant = self._grant
        try:
            if grant is not None and (self._token or self._is_loan):
                self._heartbeat(grant, seconds)
            else:
                self._acquire_again(seconds)
        except SeatleaseError as error:
            self._failed(error, sent_at)
            self._notice_gap()

    def _heartbeat(self, grant: Grant, seconds: float) -> None:
        body = {"session_id": grant.session_id, "session_token": self._token or None}
        try:
            extension, sent_at = self._server.call(
                "heartbeat", body, lambda answer: read_heartbeat(answer, grant.session_id), seconds
            )
        except SeatleaseError as error:
            with self._lock:
                if self._grant is not grant or step_after(error, held=True).do != "acquire":
                    raise
                # The server no longer counts the seat as ours.
                self._token, self._ends_at = None, min(self._ends_at, self._stopwatch.read())
                self._grant = grant._replace(borrowed_until=None)
            self._acquire_again(TIMEOUT_SECONDS)
            return
        with self._lock:
            # The app has borrowed or released the seat meanwhile.
            if self._end or self._grant is not grant:
                return
            self._extend(extension, sent_at)
        if extension.is_revived:
            self._emitter.emit("reacquired", self)

    def _acquire_again(self, seconds: float) -> None:
        """In place of a session that was lost, or after a start offline."""
        was_held = self._grant is not None
        self._expect_to_run_in(seconds)
        self._acquire(None, seconds)
        if was_held:
            self._emitter.emit("reacquired", self)

    def _failed(self, error: SeatleaseError, sent_at: float) -> None:
        step = step_after(error, held=True)
        with self._lock:
            if self._end:
                return
            self._problem = error
            self._is_barred = self._is_barred or step.within == "lease"
            # After an acquire nothing is acquired at once again: that would be a loop.
            backoff = step.backoff or "outage"
            now = self._stopwatch.read()
            retries = self._retries.get(backoff, 0)
            self._retries[backoff] = retries + 1
            next_at = now + backoff_seconds(backoff, retries, error.retry_after_seconds)
            self._failures += 1
            is_leased = now < self._ends_at
            if self._failures < _TRIES:
                # Until three tries have failed, the program cannot learn that its seat is lost.
                soon_at = max(now, self._ends_at) + RANDOM.uniform(*_WAKING_PAUSE_SECONDS)
                earliest_at = now + least_seconds(backoff, error.retry_after_seconds)
                # Three tries fit into the lease.
                in_turn_at = max(sent_at + self._pause, earliest_at)
                next_at = min(next_at, in_turn_at, soon_at) if is_leased else soon_at
            # Whatever the server asks for: one more try before the lease ends, unless this one was it.
            last_at = self._ends_at - self._pause
            if is_leased and sent_at < last_at - 0.1 * self._pause:
                next_at = min(next_at, max(last_at, now))
            self._next_at = next_at
            if step.do == "stop":
                self._end = self._reported = "lost"
        if step.do == "stop":
            self._grace.remove()
            self._emitter.emit("lost", self, error)

    def _announce(self) -> None:
        """Reports a change of the state, once its reason is certain."""
        state = self.state
        is_certain = state == "online" or self._failures >= _TRIES or self._is_barred
        if self._end or state == self._reported or not is_certain:
            return
        self._reported = state
        error = self._problem
        if state == "expired":
            unusable = self._grace.why_unusable()
            if unusable and unusable.code == "CLOCK_ROLLED_BACK":
                error = unusable
        self._emitter.emit("lost" if state == "expired" else state, self, error)

    def _warn(self, error: Optional[SeatleaseError]) -> None:
        if error is not None:
            self._emitter.emit("grace_at_risk", self, error)

    # The end.

    def _release(self, seconds: float) -> None:
        deadline = self._stopwatch.read() + seconds
        with self._lock:
            before, self._end = self._end, "released"
        if before == "lost" or (before == "released" and not self._is_loan) or self._pid != os.getpid():
            return
        # A seat that is being acquired again is granted soon: wait for its session, then release that.
        if self._acquiring.acquire(timeout=max(seconds, 0.0)):
            self._acquiring.release()
        with self._lock:
            self._is_abandoned = True
            grant, token = self._grant, self._token
        # A seat that started offline has no session of its own.
        if grant is None or not (token or self._is_loan):
            return
        error = self._send_release(grant.session_id, token or None, deadline - self._stopwatch.read())
        if error is None:
            self._token, self._grant = None, grant._replace(borrowed_until=None)
            self._grace.released()
        elif self._is_loan:
            raise error

    def _send_release(self, session_id: str, token: Optional[str], seconds: float) -> Optional[SeatleaseError]:
        """Tries for so many seconds. Returns the last error."""
        until = self._stopwatch.read() + seconds
        body = {"session_id": session_id, "session_token": token}
        while True:
            left = until - self._stopwatch.read()
            try:
                timeout = max(min(left, TIMEOUT_SECONDS), _LEAST_TIMEOUT_SECONDS)
                self._server.call("release", body, lambda answer: None, timeout)
                return None
            except SeatleaseError as error:
                pause = RANDOM.uniform(*_RELEASE_PAUSE_SECONDS)
                if step_after(error, held=False).do != "retry" or self._stopwatch.read() + pause >= until:
                    return error
                self._clock.sleep(pause)


def _datetime(seconds: Optional[float]) -> Optional[datetime]:
    return None if seconds is None else datetime.fromtimestamp(seconds, timezone.utc)
