"""Errors, and what follows them."""

from __future__ import annotations

from typing import Any, Mapping, Optional

from ._problems import BY_ENDED, NEXT, WHILE_HELD, Next


class SeatleaseError(Exception):
    """Why there is no seat, or why the seat cannot be used. Branch on ``code``: it never changes its meaning.

    ``__cause__`` is the error behind it, if there is one. Message and members never contain credentials.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: Optional[int] = None,
        retry_after_seconds: Optional[int] = None,
        request_id: Optional[str] = None,
        members: Optional[Mapping[str, Any]] = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        #: HTTP status of the answer; None if there was none.
        self.status = status
        self.retry_after_seconds = retry_after_seconds
        #: Give it to the vendor when you ask for help.
        self.request_id = request_id
        #: Other fields of the problem document, such as ``active`` and ``max`` of SEATS_EXHAUSTED.
        self.members: Mapping[str, Any] = dict(members or {})


def step_after(error: SeatleaseError, held: bool) -> Next:
    """What the table says. held: after a heartbeat, or an acquire in place of a lost seat."""
    code = error.code
    if code not in NEXT:
        status = error.status or 0
        is_outage = code == "NO_ANSWER" or status == 429 or status >= 500
        code = "INTERNAL" if is_outage else "VALIDATION_FAILED"
    if not held:
        return NEXT[code]
    ended = BY_ENDED.get(f"{code} {error.members.get('ended')}") or BY_ENDED.get(f"{code} unknown")
    return ended or WHILE_HELD.get(code) or NEXT[code]
