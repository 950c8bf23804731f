"""The conformance agent of the Python client: JSON lines on standard input and output, see clients/docs/protocol.md."""

import json
import signal
import sys
import threading
import time
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent / "src"
sys.path.insert(0, sys.argv[1] if len(sys.argv) > 1 else str(SOURCE))

from seatlease import Client, SeatleaseError  # noqa: E402

_output = threading.Lock()


def say(**fields: object) -> None:
    with _output:
        print(json.dumps(fields), flush=True)


def acquire(client, order):
    try:
        return client.acquire(wait=order.get("wait_seconds"), borrow_days=order.get("borrow_days"))
    except SeatleaseError as error:
        print(error, file=sys.stderr, flush=True)
        say(re="acquire", ok=False, code=error.code)
        return None


def state_of(seat):
    if seat is None:
        return {"state": "none", "may_run": False, "holds_lease": False, "plan": None, "features": [], "limits": {}}
    return {
        "state": seat.state,
        "may_run": seat.may_run,
        "holds_lease": seat.holds_lease,
        "plan": seat.plan,
        "features": list(seat.features),
        "limits": dict(seat.limits),
    }


def open_client():
    client = Client()
    for event in ("online", "offline", "lost", "reacquired", "grace_at_risk"):
        client.on(event, lambda told: say(event=told.name, **({"code": told.code} if told.code else {})))
    return client


def main() -> None:
    # As the README says: without a handler, SIGTERM ends Python at once, without its exit functions.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    client = seat = None
    for line in sys.stdin:
        order = json.loads(line)
        what = order["do"]
        if what == "acquire":
            try:
                client = client or open_client()
            except SeatleaseError as error:
                print(error, file=sys.stderr, flush=True)
                say(re="acquire", ok=False, code=error.code)
                continue
            taken = acquire(client, order)
            if taken is not None:
                seat = taken
                say(re="acquire", ok=True)
        elif what == "state":
            say(re="state", **state_of(seat))
        elif what == "release":
            try:
                if seat is not None:
                    seat.release()
                say(re="release", ok=True)
            except SeatleaseError as error:
                say(re="release", ok=False, code=error.code)
        elif what == "block":
            until = time.monotonic() + order["seconds"]
            while time.monotonic() < until:
                pass
            say(re="block")
        elif what == "exit":
            return


main()
