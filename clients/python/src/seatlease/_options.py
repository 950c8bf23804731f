"""Reads options, and the environment variables that are their defaults.

The functions raise SeatleaseError OPTION_INVALID, which names the option or variable and what is wrong, never a credential.
"""

from __future__ import annotations

import math
import os
import re
import urllib.parse
from typing import Any, List, NamedTuple, Optional, Union

from ._errors import SeatleaseError
from ._rsa import PublicKey, PublicKeys, read_keys


class Option(NamedTuple):
    value: str
    #: The name of the option or variable that it comes from.
    source: str


class Address(NamedTuple):
    #: Without a slash at its end.
    url: str
    #: Whether it is this machine.
    is_local: bool


def read_option(name: str, given: Any, default: Optional[str] = None) -> Option:
    """An option, or the variable of that name. Required unless there is a default."""
    variable = f"SEATLEASE_{name.upper()}"
    value, source = (given, name) if given is not None else (os.environ.get(variable) or default, variable)
    if value is None:
        raise _invalid(f"{name} is missing: pass it, or set {variable}")
    if not isinstance(value, str) or (value == "" and default is None):
        raise _invalid(f"{source} must be a text that is not empty")
    return Option(value, source)


def read_address(option: Option) -> Address:
    url, source = option
    try:
        parts = urllib.parse.urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise _invalid(f"{source} is not an address") from None
    is_local = host in ("localhost", "::1") or bool(re.fullmatch(r"127(\.[0-9]{1,3}){3}", host))
    if parts.scheme not in ("https", "http") or not host or re.search(r"[^\x21-\x7e]", url) or "@" in parts.netloc:
        raise _invalid(f"{source} must be an address such as https://licenses.example.com")
    if parts.scheme == "http" and not is_local:
        detail = f"credentials are sent to {host}. http:// is for this machine only"
        raise _invalid(f"{source} must begin with https://: {detail}")
    return Address(f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}", is_local)


def read_license_key(option: Option) -> str:
    """In a header: http.client would show another text in its error."""
    if not re.fullmatch(r"[\x21-\x7e]+", option.value):
        raise _invalid(f"{option.source} must not have spaces, line ends or characters beyond ASCII")
    return option.value


def read_wait(given: Union[bool, float, str, None], source: str = "wait") -> Optional[float]:
    """Seconds; infinity for True; None for no waiting."""
    if given is None or given is False or given == "":
        return None
    if given is True or given == "true":
        return math.inf
    try:
        seconds = float(given)
    except (TypeError, ValueError):
        seconds = math.nan
    if not seconds >= 0:
        raise _invalid(f"{source} must be a number of seconds, or true")
    return seconds or None


def read_public_keys(given: Optional[PublicKeys], names_server: bool) -> List[PublicKey]:
    """names_server: whether the app passes the address. Then users cannot bring keys of their own."""
    source = "public_keys"
    try:
        if given is None:
            source = "SEATLEASE_PUBLIC_KEYS"
            file = os.environ.get(source)
            if not file or names_server:
                return []
            with open(file, encoding="utf-8") as opened:
                given = opened.read()
        return read_keys(given)
    except (OSError, ValueError, TypeError) as error:
        raise _invalid(f"{source} cannot be used: {error}") from error


def read_borrow_days(given: Optional[int]) -> Optional[int]:
    if given is not None and (type(given) is not int or given < 1):
        raise _invalid("borrow_days must be a whole number from 1")
    return given


def _invalid(detail: str) -> SeatleaseError:
    return SeatleaseError("OPTION_INVALID", f"{detail}.")
