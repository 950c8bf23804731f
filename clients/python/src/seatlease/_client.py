"""Acquires a seat for this program."""

from __future__ import annotations

import atexit
import hashlib
import json
import math
import os
import socket
import threading
import time
import uuid
import weakref
from typing import Callable, Optional, Tuple, Union

from ._answers import Grant, read_grant
from ._errors import SeatleaseError, step_after
from ._events import Emitter, Listener
from ._http import HttpTransport, Transport
from ._license import Expected, key_fits
from ._machine import Storage, default_folder, machine_fingerprint
from ._offline import Grace
from ._options import read_address, read_borrow_days, read_license_key, read_option, read_public_keys, read_wait
from ._rsa import PublicKeys
from ._seat import Seat
from ._server import TIMEOUT_SECONDS, Server
from ._time import Clock, Stopwatch, SystemClock, backoff_seconds

# Tries without an answer and without ``wait``. With a stored license the program can start offline instead.
_TRIES, _TRIES_WITH_STORED_LICENSE = 4, 2
# Without ``wait`` nothing waits for a longer Retry-After.
_PATIENCE_SECONDS = 10
_LEAST_TIMEOUT_SECONDS = 2.0
_LOAN_TIMEOUT_SECONDS = 5.0
_EXIT_SECONDS = 1.0


class Client:
    """Holds a seat of one license for this program. Options that are not given come from the environment.

    url: address of the license server (SEATLEASE_URL). license_key: SEATLEASE_LICENSE_KEY.
    fingerprint: names this machine, the same at every start (SEATLEASE_FINGERPRINT). Default: a digest of the machine id.
    user_id, process_id: who holds the seat, if the license counts seats by user or process. Default of process_id: unique.
    public_keys: the vendor's keys: PEMs, or a JSON Web Key Set (SEATLEASE_PUBLIC_KEYS: a file with one of them, ignored
    if the app passes url). Put them into your app: without them nothing is used offline.
    state_folder: for signed licenses (SEATLEASE_STATE_FOLDER). Default: the user's state folder.
    hostname: shown to the license's admins; "" sends none.
    transport: sends the requests, for example ``HttpTransport(ssl_context)`` with certificates of your own.

    Raises SeatleaseError OPTION_INVALID or FINGERPRINT_UNAVAILABLE. Can be used from any thread.
    """

    def __init__(
        self,
        *,
        url: Optional[str] = None,
        license_key: Optional[str] = None,
        fingerprint: Optional[str] = None,
        user_id: Optional[str] = None,
        process_id: Optional[str] = None,
        public_keys: Optional[PublicKeys] = None,
        state_folder: Optional[str] = None,
        app_version: Optional[str] = None,
        hostname: Optional[str] = None,
        clock: Optional[Clock] = None,
        transport: Optional[Transport] = None,
    ) -> None:
        address = read_address(read_option("url", url))
        key = read_license_key(read_option("license_key", license_key))
        self._wait = read_wait(os.environ.get("SEATLEASE_WAIT"), "SEATLEASE_WAIT")
        keys = read_public_keys(public_keys, names_server=url is not None)
        storage = Storage(read_option("state_folder", state_folder, default="").value or default_folder())
        machine = read_option("fingerprint", fingerprint, default="").value or machine_fingerprint(storage)
        self._key = key
        self._process_id = process_id
        self._facts = {
            "fingerprint": machine,
            "user_id": user_id,
            "hostname": (socket.gethostname() if hostname is None else hostname)[:255] or None,
            "app_version": app_version,
        }
        self._stopwatch = Stopwatch(clock or SystemClock())
        self._server = Server(address.url, key, transport or HttpTransport(), self._stopwatch)
        self._emitter = Emitter()
        # Without the address: the license stays valid when the server moves.
        digest = hashlib.sha256(json.dumps([key, user_id, machine]).encode()).hexdigest()
        expected = Expected(machine, key, address.is_local)
        self._new_grace: Callable[[], Grace] = lambda: Grace(
            self._server, storage, keys, expected, f"python seat {digest}"
        )
        self._reset()
        _CLIENTS.add(self)

    def _reset(self) -> None:
        """At first, and in the child of a fork: the seat belongs to the parent, whose threads may have held locks."""
        self._seat: Optional[Seat] = None
        self._grace = self._new_grace()
        # Reentrant: a signal handler may call the client in the middle of an acquire.
        self._lock = threading.RLock()

    def on(self, event: str, listener: Listener) -> Callable[[], None]:
        """Like ``Seat.on``, for every seat of this client, from before it is acquired."""
        return self._emitter.on(event, listener)

    def acquire(self, wait: Union[bool, float, None] = None, borrow_days: Optional[int] = None) -> Seat:
        """Returns the held seat, or a new one. Raises SeatleaseError if there is none.

        wait: seconds to wait for a free seat or for the server, or True: without limit (SEATLEASE_WAIT).
        borrow_days: borrows the seat: it needs no heartbeats, and stays yours when the program ends.
        """
        limit = self._wait if wait is None else read_wait(wait)
        days = read_borrow_days(borrow_days)
        if days is not None and not self._grace.is_possible:
            message = "A borrowed seat is used offline: pass the vendor's keys in public_keys."
            raise SeatleaseError("PUBLIC_KEYS_REQUIRED", message)
        with self._lock:
            seat = self._seat
            if seat is None or seat._end:
                seat = Seat(self._server, self._grace, self._emitter, self._ask)
                try:
                    self._take(seat, limit, days)
                    risk = self._sign_loan(seat, days)
                    self._start(seat)
                except BaseException:
                    # Ctrl-C, for example, after the server has granted the seat.
                    if not seat._is_loan:
                        seat._release(_EXIT_SECONDS)
                    raise
                self._seat = seat
            else:
                if days is not None or not seat.may_run:
                    self._repeat(seat, limit, days, is_fresh=False, is_stored=False)
                risk = self._sign_loan(seat, days)
        seat._warn(risk)
        return seat

    def _sign_loan(self, seat: Seat, borrow_days: Optional[int]) -> Optional[SeatleaseError]:
        """At once: the program may end now, and the loan stays. Returns why that failed."""
        grant = seat._grant
        return self._grace.sign_if_due(grant, TIMEOUT_SECONDS) if grant and borrow_days is not None else None

    def _take(self, seat: Seat, limit: Optional[float], borrow_days: Optional[int]) -> None:
        """A new seat: the stored loan of this machine, or one that the server or the stored license gives."""
        is_stored = self._grace.open()
        loan = self._grace.loan
        if borrow_days is not None:
            return self._repeat(seat, limit, borrow_days, is_fresh=True, is_stored=False)
        if loan:
            try:
                return seat._resume_loan(loan, _LOAN_TIMEOUT_SECONDS)
            except SeatleaseError:
                self._grace.remove()
                is_stored = False
        try:
            self._repeat(seat, limit, None, is_fresh=True, is_stored=is_stored)
        except SeatleaseError as error:
            # After such an answer, a later start without the server would be a false belief.
            if step_after(error, held=True).do == "stop":
                self._grace.remove()
            raise

    def _repeat(
        self, seat: Seat, limit: Optional[float], borrow_days: Optional[int], is_fresh: bool, is_stored: bool
    ) -> None:
        """Asks for the seat for ``limit`` seconds. is_fresh: the instance_id may be replaced, once."""
        began_at = self._stopwatch.read()
        retries = unanswered = 0
        while True:
            left = math.inf if limit is None else limit - (self._stopwatch.read() - began_at)
            try:
                return seat._acquire(borrow_days, min(TIMEOUT_SECONDS, max(left, _LEAST_TIMEOUT_SECONDS)))
            except SeatleaseError as error:
                last = error
            if last.code == "SESSION_ENDED" and is_fresh and not seat._end:
                is_fresh = False
                seat._instance_id = str(uuid.uuid4())
                continue
            step = step_after(last, held=False)
            if step.do != "retry":
                raise last
            unanswered = unanswered + 1 if step.backoff == "outage" else 0
            if is_stored and unanswered >= _TRIES_WITH_STORED_LICENSE:
                try:
                    self._grace.start_offline()
                    return seat._hold_offline(self._grace.loan)
                except SeatleaseError as error:
                    if limit is None:
                        raise error from last
                    is_stored = False
            pause = backoff_seconds(step.backoff, retries, last.retry_after_seconds)
            retries += 1
            if limit is None:
                is_too_long = (last.retry_after_seconds or 0) > _PATIENCE_SECONDS
                if step.backoff != "outage" or unanswered >= _TRIES or is_too_long:
                    raise last
            else:
                left = limit - (self._stopwatch.read() - began_at)
                if left <= 0:
                    raise SeatleaseError("WAITED_IN_VAIN", f"No seat within {limit:g} s. {last}") from last
                pause = min(pause, left)
            self._stopwatch.clock.sleep(pause)

    def _ask(self, instance_id: str, borrow_days: Optional[int], seconds: float) -> Tuple[Grant, float]:
        body = {
            **self._facts,
            "instance_id": instance_id,
            "process_id": self._process_id or _own_process_id(),
            "borrow_days": borrow_days,
            "offline_since": self._grace.offline_since,
        }

        def read(answer: bytes) -> Grant:
            grant = read_grant(answer)
            if not key_fits(self._key, grant.license_id):
                raise ValueError("a grant of another license")
            return grant

        return self._server.call("acquire", body, read, seconds)

    def _start(self, seat: Seat) -> None:
        """Raises RuntimeError once the program ends, since Python 3.12
        (https://github.com/python/cpython/issues/113964)."""
        threading.Thread(target=seat._run, name="seatlease heartbeats", daemon=True).start()

    def _after_fork(self) -> None:
        if self._seat is not None:
            self._seat._after_fork()
        self._reset()


_CLIENTS: "weakref.WeakSet[Client]" = weakref.WeakSet()
_process: Tuple[int, str] = (0, "")


def _own_process_id() -> str:
    """Never used again on this machine, and another one after a fork."""
    global _process
    if _process[0] != os.getpid():
        _process = (os.getpid(), f"{os.getpid()}.{uuid.uuid4()}")
    return _process[1]


def _release_at_exit() -> None:
    """Not after a signal that Python does not handle, and not after os._exit: the seat is then free when its lease ends."""
    until = time.monotonic() + _EXIT_SECONDS
    for client in list(_CLIENTS):
        seat = client._seat
        if seat is not None and not seat._is_loan:
            seat._release(until - time.monotonic())


def _forget_in_child() -> None:
    for client in list(_CLIENTS):
        client._after_fork()


atexit.register(_release_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
