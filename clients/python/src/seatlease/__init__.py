"""Holds a seat of a Seatlease license while your program runs."""

from ._client import Client
from ._errors import SeatleaseError
from ._events import Event
from ._http import HttpTransport, Response, Transport
from ._seat import Seat
from ._time import Clock

__all__ = ["Client", "Clock", "Event", "HttpTransport", "Response", "Seat", "SeatleaseError", "Transport"]
__version__ = "0.1.0"
