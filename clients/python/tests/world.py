"""A fake clock and a fake license server: time passes only when a test says so."""

import datetime
import json
import os
import shutil
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

sys.path.insert(0, os.environ.get("SEATLEASE_SOURCE") or str(Path(__file__).resolve().parent.parent / "src"))

from seatlease import Client, Event, Response, Seat, SeatleaseError, _seat  # noqa: E402
from seatlease._problems import NEXT  # noqa: E402

# Days pass in steps of a minute, not of a second.
_seat._LONGEST_WAIT_SECONDS = 60.0
os.fsync = lambda file: None

KEY = "slk_test_secret-0123456789"
START = 1_800_000_000.0


class FakeClock:
    def __init__(self) -> None:
        self.now = 100.0
        #: Wall minus monotonic clock.
        self.offset = START - 100.0
        self.slept: List[float] = []

    def wall(self) -> float:
        return self.now + self.offset

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def problem(code: str, status: int, *, retry_after: Optional[int] = None, **members: Any) -> Response:
    body = {
        "type": f"urn:seatlease:problem:{code.lower().replace('_', '-')}",
        "title": "No.",
        "status": status,
        "code": code,
        "request_id": "r",
        **members,
    }
    headers = {} if retry_after is None else {"retry-after": str(retry_after)}
    return Response(status, headers, json.dumps(body).encode())


FULL = problem("SEATS_EXHAUSTED", 409, retry_after=30, active=1, max=1)
HTML = Response(200, {}, b"<html>Sign in to the network</html>")


class FakeServer:
    """Counts leases as the server does. `fault` answers in its place, or raises."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        #: The server's clock minus this machine's.
        self.ahead = 0.0
        self.ttl, self.heartbeat = 360, 300
        self.terms: Dict[str, Any] = {"offline_grace_days": 0, "offline_start_days": 0}
        self.entitlements: Dict[str, Any] = {"plan": "pro", "features": ["export"], "limits": {"projects": 20}}
        self.fault: Optional[Callable[[str, Dict[str, Any]], Optional[Response]]] = None
        self.calls: List[Dict[str, Any]] = []
        #: The end of each living session, by instance.
        self.sessions: Dict[str, float] = {}
        self.sign: Callable[[Dict[str, Any]], Response] = lambda body: problem("SIGNED_LIMIT", 409, limit=1)
        self.latency = 0.0
        #: Tokens of the list of what is revoked, and when it was fetched.
        self.revocations: List[str] = []
        self.fetched: List[float] = []

    def now(self) -> float:
        return self.clock.wall() + self.ahead

    def named(self, operation: str) -> List[Dict[str, Any]]:
        return [call for call in self.calls if call["op"] == operation]

    def send(self, method, url, headers, body, seconds) -> Response:
        if method == "GET":
            self.fetched.append(self.clock.now)
            if self.fault and self.fault("revocations", {}) is not None:
                return HTML
            return Response(200, {}, json.dumps({"tokens": self.revocations}).encode())
        operation = url.rsplit("/", 1)[1]
        fields = json.loads(body)
        self.calls.append({"op": operation, "at": self.clock.now, "seconds": seconds, **fields})
        faulty = self.fault(operation, fields) if self.fault else None
        if faulty is not None:
            return faulty
        answer: Response = getattr(self, f"answer_{operation}")(fields)
        self.clock.now += self.latency
        return answer

    def lease(self, instance: str, ttl: int) -> Dict[str, Any]:
        self.sessions[instance] = self.clock.now + ttl
        return {
            "session_id": f"ses_test_{instance}",
            "session_token": f"st1.{len(self.calls)}",
            "expires_at": stamp(self.now() + ttl),
            "next_heartbeat_due": stamp(self.now() + min(self.heartbeat, ttl)),
        }

    def answer_acquire(self, body: Dict[str, Any]) -> Response:
        ttl, more = self.ttl, {}
        instance = body["instance_id"]
        if "borrow_days" in body:
            instance, ttl = "loan", body["borrow_days"] * 86400
            more = {"borrowed_until": stamp(self.now() + ttl)}
        fields = {
            **self.lease(instance, ttl),
            **self.terms,
            **more,
            "license_id": "lic_test",
            "seats": {"active": 1, "max": 1},
            "entitlements": self.entitlements,
            "ttl": ttl,
            "heartbeat_interval": min(self.heartbeat, ttl),
        }
        if "borrow_days" in body:
            fields["next_heartbeat_due"] = fields["expires_at"]
        return Response(201, {}, json.dumps(fields).encode())

    def answer_heartbeat(self, body: Dict[str, Any]) -> Response:
        instance = body["session_id"].replace("ses_test_", "")
        ends = self.sessions.get(instance, 0.0)
        if ends <= self.clock.now:
            return problem("SESSION_NOT_FOUND", 404, ended="unknown")
        ttl = self.ttl if instance != "loan" else int(ends - self.clock.now)
        fields = {**self.lease(instance, ttl), "status": "heartbeat_acknowledged", "ttl_extended_to": ttl}
        if instance == "loan":
            fields["next_heartbeat_due"] = fields["expires_at"]
        return Response(200, {}, json.dumps(fields).encode())

    def answer_release(self, body: Dict[str, Any]) -> Response:
        self.sessions.pop(body["session_id"].replace("ses_test_", ""), None)
        return Response(204, {}, b"")

    def answer_sign(self, body: Dict[str, Any]) -> Response:
        return self.sign(body)


def stamp(seconds: float) -> str:
    moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def down(operation: str, body: Dict[str, Any]) -> Response:
    raise ConnectionRefusedError("Connection refused")


def always(answer: Response) -> Callable[[str, Dict[str, Any]], Optional[Response]]:
    return lambda operation, body: answer


class WorldTest(unittest.TestCase):
    keys: Any = None

    def setUp(self) -> None:
        self.clock = FakeClock()
        self.server = FakeServer(self.clock)
        self.folder = tempfile.mkdtemp(prefix="seatlease-python-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.events: List[str] = []
        self.told: List[Event] = []

    def open(self, **options: Any) -> Client:
        """A new program on this machine."""
        given = {
            "url": "https://licenses.example",
            "license_key": KEY,
            "fingerprint": "machine",
            "public_keys": self.keys,
            "state_folder": self.folder,
            "clock": self.clock,
            "transport": self.server,
            **options,
        }
        client = Client(**given)
        client._start = lambda seat: None  # type: ignore[method-assign]
        for event in ("online", "offline", "reacquired", "grace_at_risk", "lost"):
            client.on(event, self.hear)
        self.addCleanup(setattr, client, "_seat", None)
        return client

    def hear(self, event: Event) -> None:
        self.told.append(event)
        self.events.append(f"{event.name} {event.code}" if event.code else event.name)

    def run_for(self, seat: Seat, seconds: float, each: Callable[[], None] = lambda: None) -> None:
        """Runs the thread of the heartbeats for so long."""
        until = self.clock.now + seconds
        while True:
            delay = seat._tick()
            each()
            if delay is None or self.clock.now + delay >= until:
                self.clock.now = max(self.clock.now, until)
                return
            self.clock.now += delay

    def code_of(self, call: Callable[[], Any]) -> str:
        with self.assertRaises(SeatleaseError) as caught:
            call()
        self.error = caught.exception
        return caught.exception.code


__all__ = ["FULL", "HTML", "KEY", "NEXT", "START", "WorldTest", "always", "down", "problem", "stamp"]
