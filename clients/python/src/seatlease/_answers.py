"""Reads the server's answers. Anything else, such as the page of a proxy, is no answer, and never a grant.

The functions raise ValueError if a field is missing or has another type. Times are seconds since the epoch, by the server's
clock: they are compared with each other, never with a clock of this machine.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from types import MappingProxyType
from typing import Any, Dict, Mapping, NamedTuple, Optional, Tuple

from ._errors import SeatleaseError
from ._http import Response

Fields = Dict[str, Any]


class Entitlements(NamedTuple):
    """What the license gives beside the seat."""

    plan: Optional[str] = None
    features: Tuple[str, ...] = ()
    limits: Mapping[str, float] = MappingProxyType({})


class Extension(NamedTuple):
    """The lease in an answer to acquire or heartbeat."""

    session_token: str
    ttl_seconds: float
    #: From sending to the next heartbeat.
    interval_seconds: float
    #: When the server answered. Not from the Date header, which proxies replace.
    server_time: float
    #: None: as before.
    entitlements: Optional[Entitlements]
    is_revived: bool


class Grant(NamedTuple):
    """The answer to an acquire. borrowed_until is None for a seat with heartbeats."""

    session_id: str
    license_id: str
    extension: Extension
    grace_days: int
    start_days: int
    borrowed_until: Optional[float]


def fields_of(text: bytes) -> Fields:
    """The fields of a JSON object; none if it is not one."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def text_of(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("not a text")
    return value


def count_of(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**53:
        raise ValueError("not a count")
    return value


def time_of(value: Any) -> float:
    """An RFC 3339 timestamp. datetime.fromisoformat reads "Z" and any number of digits only since Python 3.11."""
    pattern = r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,9})?(Z|[+-]\d\d:\d\d)"
    match = re.fullmatch(pattern, text_of(value), re.ASCII)
    if not match:
        raise ValueError("not a timestamp")
    seconds, fraction, zone = match.groups()
    whole = datetime.fromisoformat(seconds + ("+00:00" if zone == "Z" else zone)).timestamp()
    return whole + float(fraction or 0)


def read_grant(body: bytes) -> Grant:
    fields = fields_of(body)
    borrowed_until = fields.get("borrowed_until")
    return Grant(
        text_of(fields.get("session_id")),
        text_of(fields.get("license_id")),
        _read_extension(fields, fields.get("ttl")),
        count_of(fields.get("offline_grace_days")),
        count_of(fields.get("offline_start_days", 0)),
        None if borrowed_until is None else time_of(borrowed_until),
    )


def read_heartbeat(body: bytes, session_id: str) -> Extension:
    fields = fields_of(body)
    if fields.get("session_id") != session_id:
        raise ValueError("not an answer to this heartbeat")
    return _read_extension(fields, fields.get("ttl_extended_to"))


def read_problem(response: Response) -> Optional[SeatleaseError]:
    """A problem document of the license server (RFC 9457); None for any other error page."""
    fields = fields_of(response.body)
    code, request_id = fields.get("code"), fields.get("request_id")
    urn = f"urn:seatlease:problem:{str(code).lower().replace('_', '-')}"
    if not isinstance(code, str) or fields.get("type") != urn or fields.get("status") != response.status:
        return None
    words = [word for word in (fields.get("title"), fields.get("detail")) if isinstance(word, str)]
    known = ("code", "type", "status", "title", "detail", "request_id")
    return SeatleaseError(
        code,
        " ".join(words) or "The server refused.",
        status=response.status,
        retry_after_seconds=read_retry_after(response),
        request_id=request_id if isinstance(request_id, str) else None,
        members={name: value for name, value in fields.items() if name not in known},
    )


def read_retry_after(response: Response) -> Optional[int]:
    """Seconds. HTTP also allows a date: the server does not send one, and it would need synchronized clocks."""
    text = response.headers.get("retry-after", "")
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else None


def read_entitlements(value: Any) -> Entitlements:
    """Without what it cannot read: a plan of a new kind must not end a program."""
    fields = value if isinstance(value, dict) else {}
    plan, features, limits = fields.get("plan"), fields.get("features"), fields.get("limits")
    return Entitlements(
        plan if isinstance(plan, str) else None,
        tuple(each for each in features if isinstance(each, str)) if isinstance(features, list) else (),
        MappingProxyType(dict(limits) if isinstance(limits, dict) else {}),
    )


def _read_extension(fields: Fields, ttl: Any) -> Extension:
    ttl_seconds, expires_at = count_of(ttl), time_of(fields.get("expires_at"))
    entitlements = fields.get("entitlements")
    interval_seconds = ttl_seconds - (expires_at - time_of(fields.get("next_heartbeat_due")))
    return Extension(
        text_of(fields.get("session_token")),
        ttl_seconds,
        # Near the end of a license the heartbeat is due when the lease ends: that leaves no time to retry.
        max(min(interval_seconds, ttl_seconds * 5 / 6), 1.0),
        expires_at - ttl_seconds,
        None if entitlements is None else read_entitlements(entitlements),
        fields.get("revived") is True,
    )
