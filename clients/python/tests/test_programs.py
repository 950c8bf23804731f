"""Whole programs against a server over HTTP, in real time: how Python programs end, fork and use threads."""

import http.server
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import unittest
from pathlib import Path

from world import FakeServer, KEY

HERE = Path(__file__).resolve().parent
README = HERE.parent / "README.md"
SOURCE = os.environ.get("SEATLEASE_SOURCE") or str(HERE.parent / "src")


class RealClock:
    offset = 0.0

    @property
    def now(self):
        return time.monotonic()

    @now.setter
    def now(self, value):
        time.sleep(max(value - time.monotonic(), 0))

    def wall(self):
        return time.time()


class LiveServer(FakeServer):
    def __init__(self):
        super().__init__(RealClock())
        self.hangs = False
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                if server.hangs:
                    time.sleep(5)
                answer = server.send("POST", self.path, self.headers, body, 0)
                self.send_response(answer.status)
                self.send_header("content-length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            do_PUT = do_POST

            def log_message(self, *words):
                pass

        class Http(http.server.ThreadingHTTPServer):
            def handle_error(self, request, address):
                """A client that gave up has closed its connection."""

        self.http = Http(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def close(self):
        self.http.shutdown()
        self.http.server_close()


class ProgramTest(unittest.TestCase):
    def setUp(self):
        self.server = LiveServer()
        self.addCleanup(self.server.close)
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def start(self, code):
        environment = {
            **os.environ,
            "PYTHONPATH": SOURCE,
            "SEATLEASE_URL": self.server.url,
            "SEATLEASE_LICENSE_KEY": KEY,
            "SEATLEASE_FINGERPRINT": "machine",
            "SEATLEASE_STATE_FOLDER": self.folder,
        }
        head = "import os, sys, time, threading, signal\nfrom seatlease import Client, SeatleaseError\n"
        command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", head + textwrap.dedent(code)]
        pipe = subprocess.PIPE
        program = subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        self.addCleanup(program.wait)
        self.addCleanup(program.kill)
        return program

    def run_program(self, code):
        program = self.start(code)
        out, err = program.communicate(timeout=30)
        self.assertEqual((program.returncode, err), (0, ""))
        return out

    def started(self, code):
        """A program that has printed a line."""
        program = self.start(code)
        self.line = program.stdout.readline().strip()
        self.addCleanup(program.stdout.close)
        self.addCleanup(program.stderr.close)
        self.addCleanup(program.stdin.close)
        return program

    def ops(self):
        return [call["op"] for call in self.server.calls]


class Exit(ProgramTest):
    def test_a_program_that_ends_releases_its_seat(self):
        for end in ("", "sys.exit(0)", "threading.Thread(target=time.sleep, args=(0.2,)).start()"):
            with self.subTest(end):
                self.server.calls.clear()
                self.run_program(f"seat = Client().acquire()\n{end}")
                self.assertEqual(self.ops(), ["acquire", "release"])

    def test_an_exception_releases_the_seat(self):
        program = self.start("seat = Client().acquire()\nraise ValueError")
        program.communicate(timeout=30)
        self.assertEqual((program.returncode, self.ops()), (1, ["acquire", "release"]))

    def test_a_server_that_hangs_delays_the_end_by_a_second(self):
        program = self.started("seat = Client().acquire()\nprint('held', flush=True)\nsys.stdin.read()")
        self.server.hangs = True
        program.stdin.close()
        began = time.monotonic()
        program.wait(timeout=30)
        self.assertLess(time.monotonic() - began, 2)

    def test_a_signal_ends_python_without_its_exit_functions_unless_the_program_handles_it(self):
        wait = "seat = Client().acquire()\nprint('held', flush=True)\nsys.stdin.read()"
        handler = "signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))\n"
        for code, status, ops in [
            (wait, -signal.SIGTERM, ["acquire"]),
            (handler + wait, 143, ["acquire", "release"]),
            ("print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)\n" + wait, None, None),
        ]:
            self.server.calls.clear()
            program = self.started(code)
            if status is None:
                self.assertEqual(self.line, "True", "no handler is installed by import")
                continue
            program.send_signal(signal.SIGTERM)
            self.assertEqual((program.wait(timeout=30), self.ops()), (status, ops))

    def test_ctrl_c_releases_the_seat(self):
        program = self.started("with Client().acquire():\n print('held', flush=True)\n time.sleep(60)")
        program.send_signal(signal.SIGINT)
        program.wait(timeout=30)
        self.assertEqual(self.ops(), ["acquire", "release"])

    def test_an_acquire_while_python_ends_takes_no_seat_or_gives_it_back(self):
        out = self.run_program(
            """
            import atexit
            def late():
                try:
                    Client().acquire()
                except RuntimeError:
                    pass
                print("late", flush=True)
            atexit.register(late)
            """
        )
        self.assertEqual((out, self.ops().count("acquire")), ("late\n", self.ops().count("release")))


@unittest.skipUnless(hasattr(os, "fork"), "this system has no fork")
class Fork(ProgramTest):
    def test_a_child_does_not_hold_the_seat_of_its_parent_and_ends_without_a_release(self):
        out = self.run_program(
            """
            client = Client()
            seat = client.acquire()
            pid = os.fork()
            if pid == 0:
                print(seat.state, seat.may_run, flush=True)
                seat.release()
                sys.exit(0)
            os.waitpid(pid, 0)
            print(seat.state, seat.may_run, flush=True)
            """
        )
        self.assertEqual(out, "released False\nonline True\n")
        self.assertEqual(self.ops(), ["acquire", "release"])

    def test_a_child_can_take_a_seat_of_its_own(self):
        self.run_program(
            """
            client = Client()
            seat = client.acquire()
            pid = os.fork()
            if pid == 0:
                client.acquire()
                sys.exit(0)
            os.waitpid(pid, 0)
            """
        )
        first, second = self.server.named("acquire")
        self.assertNotEqual(first["instance_id"], second["instance_id"])
        self.assertNotEqual(first["process_id"], second["process_id"])
        self.assertEqual(self.ops(), ["acquire", "acquire", "release", "release"])

    def test_a_fork_while_another_thread_holds_the_locks_does_not_hang(self):
        out = self.run_program(
            """
            client = Client()
            seat = client.acquire()
            seat._lock.acquire(); seat._grace._lock.acquire(); client._lock.acquire()
            done = threading.Event()
            def fork():
                pid = os.fork()
                if pid == 0:
                    print(seat.state, client.acquire().state, flush=True)
                    os._exit(0)
                os.waitpid(pid, 0)
                done.set()
            threading.Thread(target=fork).start()
            print(done.wait(10))
            seat._lock.release(); seat._grace._lock.release(); client._lock.release()
            """
        )
        self.assertEqual(out, "released online\nTrue\n")


class Threads(ProgramTest):
    def setUp(self):
        super().setUp()
        self.server.ttl, self.server.heartbeat = 3, 1

    def test_a_busy_main_thread_loses_nothing(self):
        out = self.run_program(
            """
            seat = Client().acquire()
            lost = []
            seat.on("lost", lost.append)
            until = time.monotonic() + 4
            while time.monotonic() < until:
                assert seat.may_run and seat.holds_lease
            print(lost)
            """
        )
        self.assertEqual(out, "[]\n")
        self.assertGreaterEqual(self.ops().count("heartbeat"), 3)

    def test_after_sigstop_the_lease_is_not_believed_and_the_seat_comes_back(self):
        program = self.started(
            """
            seat = Client().acquire()
            seat.on("lost", lambda event: print("lost", flush=True))
            seat.on("reacquired", lambda event: print("reacquired", flush=True))
            print("held", flush=True)
            sys.stdin.readline()
            print(seat.holds_lease or seat.state == "online", flush=True)
            sys.stdin.readline()
            print(seat.state, flush=True)
            """
        )
        program.send_signal(signal.SIGSTOP)
        time.sleep(4)
        program.stdin.write("\n")
        program.stdin.flush()
        program.send_signal(signal.SIGCONT)
        lines = [program.stdout.readline().strip(), program.stdout.readline().strip()]
        # The thread of the heartbeats may be faster than the main thread: then the seat is held again.
        self.assertEqual(sorted(lines)[1], "reacquired")
        program.stdin.write("\n")
        program.stdin.flush()
        self.assertEqual(program.stdout.readline().strip(), "online")

    def test_threads_that_acquire_at_once_share_one_seat(self):
        out = self.run_program(
            """
            client = Client()
            seats = []
            threads = [threading.Thread(target=lambda: seats.append(client.acquire())) for _ in range(8)]
            [each.start() for each in threads]
            [each.join() for each in threads]
            print(len({id(each) for each in seats}))
            """
        )
        self.assertEqual((out, self.ops().count("acquire")), ("1\n", 1))

    def test_a_listener_can_release_the_seat(self):
        self.server.lease_of = self.server.lease
        self.server.lease = lambda instance, ttl: {**self.server.lease_of(instance, ttl), "revived": True}
        out = self.run_program(
            """
            seat = Client().acquire()
            done = threading.Event()
            seat.on("reacquired", lambda event: (seat.release(), done.set()))
            print(done.wait(10), seat.state)
            """
        )
        self.assertEqual((out, self.ops()), ("True released\n", ["acquire", "heartbeat", "release"]))


class Readme(ProgramTest):
    def test_every_block_runs(self):
        blocks = re.findall(r"^```python\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL)
        self.assertGreaterEqual(len(blocks), 4)
        for block in blocks:
            with self.subTest(block.splitlines()[-1]):
                Path(self.folder, "vendor-keys.json").write_text(json.dumps(jwks()))
                self.server.calls.clear()
                Path(self.folder, "block.py").write_text(STUBS + block)
                program = self.start(f"import runpy\nos.chdir({self.folder!r})\nrunpy.run_path('block.py')")
                text, error = program.communicate(timeout=30)
                self.assertEqual((program.returncode, error), (0, ""), text)
                self.assertEqual((self.ops()[0], self.ops()[-1]), ("acquire", "release"))


STUBS = """
def work(): pass
def save_and_stop(*given): pass
"""


def jwks():
    from signing import signing_key

    return {"keys": [signing_key("pinned").jwk()]}


if __name__ == "__main__":
    unittest.main()
