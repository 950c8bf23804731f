"""The offline grace: a signed license, verified with the keys in the app and stored for times without the server."""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import threading
from datetime import datetime, timezone
from typing import List, NamedTuple, Optional, Set, Tuple

from ._answers import Entitlements, Grant, fields_of, text_of
from ._errors import SeatleaseError, step_after
from ._license import Expected, License, invalid, verify_token
from ._machine import Storage
from ._revocations import PATH, Revocations
from ._rsa import PublicKey
from ._server import TIMEOUT_SECONDS, Server
from ._server_time import Measured, ServerTime
from ._time import RANDOM

_DAY_SECONDS = 24 * 3600.0
_NOTE_EVERY_SECONDS = 300.0
_SIGN_AGAIN_SECONDS = 600.0
_AFTER_REFUSAL_SECONDS = 3600.0
_FETCH_AGAIN_SECONDS = 3600.0
_NEVER = math.inf
# Failures without a definite answer, before the program is told.
_FAILURES = 3


class Stored(NamedTuple):
    """The content of the file, beside the measured time."""

    token: str
    session_id: str
    is_loan: bool
    start_days: int
    is_released: bool = False
    #: When a program first started offline since the last contact, in seconds since the epoch, by the server's clock.
    offline_since: Optional[float] = None


class Grace:
    """What this machine may do without the server. Methods can be called from any thread."""

    def __init__(
        self, server: Server, storage: Storage, keys: List[PublicKey], expected: Expected, name: str
    ) -> None:
        """name: of the file."""
        self._server = server
        self._stopwatch = server.stopwatch
        self._storage = storage
        self._keys = keys
        self._revocations = Revocations(storage, keys, server.url)
        self._expected = expected._replace(is_revoked=self._revocations.is_revoked)
        # For what may be revoked, but must not be lost: a loan is returned by what is stored.
        self._expected_at_all = expected
        self._name = name
        secret = json.dumps([expected.license_key, expected.fingerprint])
        self._seal_key = f"seatlease offline license {secret}".encode()
        self.time = ServerTime(server.stopwatch)
        # All are reentrant: a signal handler may read the state or release the seat in the middle of any line.
        # Held while a license is signed: two threads must not ask for the same one.
        self._signing = threading.RLock()
        # Held while the file is written: programs that read the state do not wait for the disk. Taken before _lock.
        self._file_lock = threading.RLock()
        self._lock = threading.RLock()
        self._license: Optional[License] = None
        self._stored: Optional[Stored] = None
        # Why the file cannot be used.
        self._broken: Optional[SeatleaseError] = None
        self._sign_at = self._note_at = self._fetch_at = 0.0
        # The session of the latest request to sign.
        self._asked_for = ""
        # Counts removals: a pending signing must not bring the license back.
        self._removals = 0
        # Failed requests to sign in a row, and the causes that were reported.
        self._failures = 0
        self._reported: Set[str] = set()

    @property
    def is_possible(self) -> bool:
        """Without keys in the app anyone who can write files can make a license."""
        return bool(self._keys)

    @property
    def loan(self) -> Optional[str]:
        """The session of the stored loan; None if there is none that can be used."""
        stored = self._stored
        return stored.session_id if stored and stored.is_loan and self.why_unusable() is None else None

    @property
    def license(self) -> Optional[License]:
        return self._license

    @property
    def entitlements(self) -> Entitlements:
        license = self._license
        return license.entitlements if license else Entitlements()

    @property
    def until(self) -> Optional[float]:
        """Until when a program that runs may go on without the server, in seconds since the epoch."""
        license = self._license
        return license.offline_until if license else None

    @property
    def offline_since(self) -> Optional[str]:
        """When a program first started offline since the last contact, for the next acquire."""
        stored = self._stored
        if stored is None or stored.offline_since is None:
            return None
        since = datetime.fromtimestamp(stored.offline_since, timezone.utc)
        return since.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def why_unusable(self) -> Optional[SeatleaseError]:
        """Why the program must not run without the server now."""
        until = self.until
        if until is None:
            return self._broken or SeatleaseError("NO_ANSWER", "There is no stored license for running offline.")
        if self.time.is_set_back():
            message = "The clock shows an earlier time than before. Set the clock, or go online."
            return SeatleaseError("CLOCK_ROLLED_BACK", message)
        if self.time.now() >= until:
            return SeatleaseError("OFFLINE_LICENSE_EXPIRED", "The stored license has expired.")
        return None

    def open(self) -> bool:
        """Reads the file. Returns whether there is one, also if it cannot be used."""
        stored = license = broken = None
        try:
            found = self._read()
            if found is not None:
                stored, measured = found
                license = verify_token(stored.token, self._keys, self._expected)
                self.time.restore(measured)
        except SeatleaseError as error:
            stored, broken = None, error
        with self._lock:
            self._license, self._stored, self._broken = license, stored, broken
            if stored is not None and stored.is_loan:
                self._asked_for, self._sign_at = stored.session_id, _NEVER
        return stored is not None or broken is not None

    def start_offline(self) -> None:
        """Raises SeatleaseError if the stored license does not allow a start now."""
        error = self.why_unusable()
        stored, now = self._stored, self.time.now()
        if error or stored is None:
            raise error or invalid("It was removed")
        days = (now - self.time.measured().last_contact) / _DAY_SECONDS
        # Only a start needs this: a program that has started may run until the end of the license.
        if stored.is_released and days >= stored.start_days:
            message = f"The seat was released. After that, starts are allowed for {stored.start_days} days."
            raise SeatleaseError("OFFLINE_START_NOT_ALLOWED", message)
        with self._lock:
            if stored.offline_since is None:
                self._stored = stored._replace(offline_since=now)
        if not self._write():
            # A clock that is set back before each start would go unnoticed.
            message = "The folder of the stored license cannot be written."
            raise SeatleaseError("OFFLINE_START_NOT_ALLOWED", message)

    def granted(self, grant: Grant) -> None:
        """Notes the terms of a new grant: the program is online, and has not released its seat."""
        if not grant.grace_days and grant.borrowed_until is None:
            self.remove()
        with self._lock:
            stored = self._stored
            if stored is not None:
                self._stored = stored._replace(start_days=grant.start_days, is_released=False, offline_since=None)
        self._write()

    def sign_if_due(self, grant: Grant, seconds: float) -> Optional[SeatleaseError]:
        """Gets a signed license for each new session, and then once a day. Waits for at most so many seconds.

        Never raises: a failure is retried later. Returns it, once for each cause, if it puts the offline use at risk.
        """
        is_loan = grant.borrowed_until is not None
        if not self._keys or not (grant.grace_days or is_loan):
            return None
        with self._signing:
            now = self._stopwatch.read()
            if now < self._sign_at and grant.session_id == self._asked_for:
                return self._fetch_if_due(grant, seconds)
            self._asked_for, self._sign_at = grant.session_id, now + _SIGN_AGAIN_SECONDS
            try:
                self._sign(grant, is_loan, min(seconds, TIMEOUT_SECONDS))
                return None
            except SeatleaseError as error:
                return self._sign_failed(error, now)

    def _fetch_if_due(self, grant: Grant, seconds: float) -> Optional[SeatleaseError]:
        """Gets the list of what is revoked, once an hour. A revoked license is not used any more, and another one is signed at
        once: the seat stays. Returns why, if that fails."""
        now = self._stopwatch.read()
        if now < self._fetch_at:
            return None
        self._fetch_at = now + _SIGN_AGAIN_SECONDS
        try:
            has_changed = self._revocations.add(self._server.fetch(PATH, min(seconds, TIMEOUT_SECONDS)))
        except (SeatleaseError, ValueError):
            return None
        self._fetch_at = now + _FETCH_AGAIN_SECONDS * (1 - 0.1 * RANDOM.random())
        stored = self._stored
        try:
            if has_changed and stored is not None:
                verify_token(stored.token, self._keys, self._expected)
            return None
        except SeatleaseError as revoked:
            with self._lock:
                self._license, self._asked_for = None, ""
            error = self.sign_if_due(grant, max(seconds - (self._stopwatch.read() - now), 1.0))
            return error or (revoked if self._license is None else None)

    def _sign_failed(self, error: SeatleaseError, now: float) -> Optional[SeatleaseError]:
        if error.code == "SESSION_NOT_FOUND":
            # The next heartbeat gets the same answer, and does what follows.
            return None
        is_refused = step_after(error, held=False).do == "stop"
        pause = _AFTER_REFUSAL_SECONDS if is_refused else _SIGN_AGAIN_SECONDS
        self._sign_at = now + max(error.retry_after_seconds or 0, pause)
        self._failures += 1
        if error.code in self._reported or not (is_refused or self._failures >= _FAILURES):
            return None
        self._reported.add(error.code)
        return error

    def note(self) -> None:
        """Stores the time now and then: the next start must not see an earlier one."""
        if self._stopwatch.read() >= self._note_at:
            self._write()

    def released(self) -> None:
        """After a confirmed release. Keeps the license if it allows a start without the server."""
        with self._lock:
            self._removals += 1
            stored = self._stored
            stays = stored is not None and stored.start_days > 0 and not stored.is_loan
            if stored is not None:
                self._stored = stored._replace(is_released=True)
        if stays:
            self._write()
        else:
            self.remove()

    def remove(self) -> None:
        """Deletes the license. A loan of another program stays."""
        with self._file_lock:
            may_remove = self._keys and self._may_replace()
            with self._lock:
                self._removals += 1
                self._license = self._stored = self._broken = None
                self._sign_at = 0.0
            if may_remove:
                self._storage.remove(self._name)

    def _sign(self, grant: Grant, is_loan: bool, seconds: float) -> None:
        removals = self._removals
        token, sent_at = self._server.call(
            "sign",
            {"session_id": grant.session_id},
            lambda body: text_of(fields_of(body).get("license_token")),
            seconds,
        )
        license = verify_token(token, self._keys, self._expected)
        with self._lock:
            if removals != self._removals:
                return
            self._license = license
            self._stored = Stored(token, grant.session_id, is_loan, grant.start_days)
            # The license of a loan ends with the loan.
            self._sign_at = _NEVER if is_loan else sent_at + _DAY_SECONDS * (1 - 0.1 * RANDOM.random())
            self._failures = 0
            self._reported.clear()
        self._write(is_new=True)

    def _write(self, is_new: bool = False) -> bool:
        """Stores what this program knows. Returns whether that succeeded."""
        with self._file_lock:
            with self._lock:
                stored = self._stored
            self._note_at = self._stopwatch.read() + _NOTE_EVERY_SECONDS
            is_new_loan = is_new and stored is not None and stored.is_loan
            if stored is None or not (is_new_loan or self._may_replace()):
                return False
            content = json.dumps({"stored": stored._asdict(), "time": self.time.measured()._asdict()})
            return self._storage.write(self._name, json.dumps({"content": content, "seal": self._seal(content)}))

    def _may_replace(self) -> bool:
        """Not a loan of another program. And a loan that is no longer stored was returned: it must not come back."""
        is_loan = self._stored is not None and self._stored.is_loan
        try:
            found = self._read()
            if is_loan:
                return found is not None
            if found is None or not found[0].is_loan:
                return True
            return verify_token(found[0].token, self._keys, self._expected_at_all).offline_until <= self.time.now()
        except SeatleaseError:
            return True

    def _read(self) -> Optional[Tuple[Stored, Measured]]:
        """The content of the file; None without one. Raises OFFLINE_LICENSE_INVALID if it was changed."""
        text = self._storage.read(self._name) if self._keys else None
        if text is None:
            return None
        fields = fields_of(text.encode())
        content, seal = str(fields.get("content")), str(fields.get("seal"))
        if not hmac.compare_digest(self._seal(content).encode(), seal.encode()):
            raise invalid("It was changed after it was stored")
        try:
            parts = json.loads(content)
            return Stored(**parts["stored"]), Measured(**parts["time"])
        except (KeyError, TypeError, ValueError):
            raise invalid("It cannot be read") from None

    def _seal(self, content: str) -> str:
        return hmac.new(self._seal_key, content.encode(), hashlib.sha256).hexdigest()
