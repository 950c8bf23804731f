"""Sends one request: with one deadline for all of it, without redirects and cookies."""

from __future__ import annotations

import base64
import http.client
import io
import queue
import socket
import ssl
import threading
import time
import urllib.parse
import urllib.request
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Protocol, Tuple, Union

MAX_ANSWER_BYTES = 1_048_576


class Response(NamedTuple):
    status: int
    #: By lower-case name.
    headers: Mapping[str, str]
    body: bytes


class Transport(Protocol):
    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes, seconds: float) -> Response:
        """Sends once. Raises OSError or http.client.HTTPException if no complete answer arrives within ``seconds``."""
        ...


class _TimedReader(io.RawIOBase):
    """Reads a socket until a deadline.

    A socket's timeout starts anew with each recv: an answer of one byte a second never ends
    (https://github.com/python/cpython/issues/89953, https://github.com/psf/requests/issues/3099).
    """

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock = sock
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sock.settimeout(_left(self._deadline))
        return self._sock.recv_into(buffer)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise socket.timeout("timed out")
    return left


_Address = Tuple[int, int, int, Any]


class HttpTransport:
    """Over http.client, with the proxies of the environment and the certificates of the system, as urllib does."""

    def __init__(self, context: Optional[ssl.SSLContext] = None) -> None:
        self._context = context
        self._known: Dict[Tuple[str, int], List[_Address]] = {}

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes, seconds: float) -> Response:
        deadline = time.monotonic() + seconds
        parts = urllib.parse.urlsplit(url)
        host, port = str(parts.hostname), parts.port or (443 if parts.scheme == "https" else 80)
        connection = http.client.HTTPConnection(host, port)
        try:
            if parts.scheme == "https":
                connection.sock = self._secure(host, port, deadline)
            else:
                connection.sock = self._connect(host, port, deadline)
            # sendall does not start its timeout anew.
            connection.sock.settimeout(_left(deadline))
            sock = connection.sock
            connection.request(method, parts.path, body, {**headers, "host": parts.netloc, "connection": "close"})
            answer = _read_head(sock, method, deadline)
            with answer:
                content = answer.read(MAX_ANSWER_BYTES + 1)
                if len(content) > MAX_ANSWER_BYTES:
                    raise http.client.HTTPException("the answer is larger than 1 MiB")
                if answer.length:
                    raise http.client.IncompleteRead(content, answer.length)
                return Response(answer.status, {k.lower(): v for k, v in answer.getheaders()}, content)
        finally:
            connection.close()

    def _secure(self, host: str, port: int, deadline: float) -> socket.socket:
        proxy = None if urllib.request.proxy_bypass(host) else urllib.request.getproxies().get("https")
        if proxy:
            sock = self._tunnel(proxy, f"[{host}]:{port}" if ":" in host else f"{host}:{port}", deadline)
        else:
            sock = self._connect(host, port, deadline)
        try:
            if self._context is None:
                # Loads the system's certificates, which takes milliseconds: at the first use.
                self._context = ssl.create_default_context()
                self._context.minimum_version = ssl.TLSVersion.TLSv1_2
            sock.settimeout(_left(deadline))
            return self._context.wrap_socket(sock, server_hostname=host)
        except BaseException:
            sock.close()
            raise

    def _tunnel(self, proxy: str, target: str, deadline: float) -> socket.socket:
        parts = urllib.parse.urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        sock = self._connect(str(parts.hostname), parts.port or 80, deadline)
        try:
            lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
            if parts.username is not None:
                pair = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
                lines.append(f"Proxy-Authorization: Basic {base64.b64encode(pair.encode()).decode()}")
            sock.settimeout(_left(deadline))
            sock.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
            status = _read_head(sock, "CONNECT", deadline).status
            if status != 200:
                raise OSError(f"the proxy {parts.hostname} answered HTTP {status}")
            return sock
        except BaseException:
            sock.close()
            raise

    def _connect(self, host: str, port: int, deadline: float) -> socket.socket:
        addresses = self._resolve(host, port, deadline)
        failure: Optional[OSError] = None
        for n, (family, kind, protocol, address) in enumerate(addresses):
            sock = socket.socket(family, kind, protocol)
            try:
                # An address that does not answer leaves time for the others.
                sock.settimeout(_left(deadline) / (len(addresses) - n))
                sock.connect(address)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._known[(host, port)] = addresses
                return sock
            except OSError as error:
                sock.close()
                failure = error
        raise failure or OSError(f"{host} has no address")

    def _resolve(self, host: str, port: int, deadline: float) -> List[_Address]:
        """The addresses of the host: the known ones if the name server takes more than half of the time.

        getaddrinfo has no timeout (https://github.com/urllib3/urllib3/issues/1334): a thread waits for it.
        """
        answers: "queue.Queue[Union[List[_Address], OSError]]" = queue.Queue()

        def ask() -> None:
            try:
                found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
                answers.put([(family, kind, protocol, address) for family, kind, protocol, _, address in found])
            except (OSError, UnicodeError) as error:
                answers.put(OSError(str(error)))

        try:
            threading.Thread(target=ask, name="seatlease addresses", daemon=True).start()
            answer = answers.get(timeout=_left(deadline) / 2)
        except (queue.Empty, RuntimeError):
            # RuntimeError: Python 3.12 starts no thread once the program ends.
            answer = OSError(f"the addresses of {host} could not be looked up in time")
        if isinstance(answer, OSError):
            answer = self._known.get((host, port)) or answer
        if isinstance(answer, OSError):
            raise answer
        return answer


def _read_head(sock: socket.socket, method: str, deadline: float) -> http.client.HTTPResponse:
    response = http.client.HTTPResponse(sock, method=method)
    response.fp = io.BufferedReader(_TimedReader(sock, deadline))
    response.begin()
    return response
