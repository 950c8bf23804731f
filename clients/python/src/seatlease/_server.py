"""Calls the license server. Anything but a good answer is a SeatleaseError."""

from __future__ import annotations

import http.client
import json
import urllib.parse
import uuid
from typing import Any, Callable, Mapping, Tuple, TypeVar

from ._answers import read_problem
from ._errors import SeatleaseError
from ._http import Response, Transport
from ._time import Stopwatch

#: The longest time of a request.
TIMEOUT_SECONDS = 10.0

# Method, and the statuses of a good answer.
_OPERATIONS: Mapping[str, Tuple[str, Tuple[int, ...]]] = {
    "acquire": ("POST", (200, 201)),
    "heartbeat": ("PUT", (200,)),
    "release": ("POST", (204,)),
    "sign": ("POST", (200, 201)),
}

_Body = TypeVar("_Body")


class Server:
    def __init__(self, url: str, license_key: str, transport: Transport, stopwatch: Stopwatch) -> None:
        self._url = url
        self._license_key = license_key
        self._transport = transport
        self.stopwatch = stopwatch

    @property
    def url(self) -> str:
        return self._url

    def fetch(self, path: str, seconds: float) -> bytes:
        """What the server publishes for anyone. Raises SeatleaseError NO_ANSWER without a good answer."""
        url = self._url + path
        try:
            response = self._transport.send("GET", url, {"accept": "application/json"}, b"", seconds)
        except (OSError, http.client.HTTPException) as error:
            raise SeatleaseError("NO_ANSWER", f"No answer from {url}: {_reason(error)}.") from error
        if response.status != 200:
            raise _no_answer(url, response)
        return response.body

    def call(
        self, operation: str, body: Mapping[str, Any], read: Callable[[bytes], _Body], seconds: float
    ) -> Tuple[_Body, float]:
        """Sends one request. Returns what ``read`` makes of the answer, and when the request was sent, by the stopwatch.

        read: raises ValueError if it is not an answer to this request. Raises SeatleaseError with the server's code, or
        NO_ANSWER. Fields of ``body`` that are None are not sent.
        """
        method, good = _OPERATIONS[operation]
        url = f"{self._url}/api/v1/licenses/{operation}"
        request_id = str(uuid.uuid4())
        headers = {
            "accept": "application/json",
            "authorization": f"License {self._license_key}",
            "content-type": "application/json",
            "x-request-id": request_id,
        }
        content = json.dumps({name: value for name, value in body.items() if value is not None})
        sent_at = self.stopwatch.read()
        try:
            response = self._transport.send(method, url, headers, content.encode(), seconds)
        except (OSError, http.client.HTTPException) as error:
            host = urllib.parse.urlsplit(url).netloc
            raise SeatleaseError("NO_ANSWER", f"No answer from {host}: {_reason(error)}.") from error
        # A proxy may mix up answers, or repeat an old one.
        is_ours = response.headers.get("x-request-id", request_id) == request_id
        if is_ours and response.status in good:
            try:
                return read(response.body), sent_at
            except (ValueError, OverflowError):
                pass
        problem = read_problem(response) if is_ours and response.status >= 400 else None
        raise problem or _no_answer(url, response)


def _no_answer(url: str, response: Response) -> SeatleaseError:
    """Without Retry-After: it is a proxy's, which knows nothing of the license server."""
    return SeatleaseError(
        "NO_ANSWER",
        f"{url} answered HTTP {response.status}, but not as a license server does.",
        status=response.status,
    )


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError) or str(error) == "timed out":
        return "it took too long"
    return str(error).rstrip(".") or type(error).__name__
