import contextlib
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest
from unittest import mock

from world import KEY  # noqa: F401 (puts the package on the path)

from seatlease import Client, HttpTransport, SeatleaseError

QUICK = 0.3
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"


class Listener:
    """Accepts connections, and hands each to a function, with what was sent."""

    def __init__(self, answer, context=None):
        self.answer, self.context = answer, context
        self.received = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                if self.context:
                    connection = self.context.wrap_socket(connection, server_side=True)
                self.received.append(read_request(connection))
                self.answer(connection)
                connection.close()

    def close(self):
        # Without it, accept() goes on in its thread.
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join()


def read_request(connection):
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head = data.split(b"\r\n\r\n")[0].lower()
    if b"content-length: " in head:
        length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
        while len(data) < len(head) + 4 + length:
            data += connection.recv(65536)
    return data.decode()


def replies(*parts, pause=0.0):
    def answer(connection):
        for part in parts:
            connection.sendall(part)
            time.sleep(pause)

    return answer


class HttpTest(unittest.TestCase):
    def listen(self, answer, context=None):
        listener = Listener(answer, context)
        self.addCleanup(listener.close)
        return listener

    def send(self, url, seconds=5.0, transport=None):
        return (transport or HttpTransport()).send("POST", f"{url}/x", {"a": "b"}, b"{}", seconds)

    def test_a_request_and_its_answer_arrive(self):
        listener = self.listen(replies(HEAD + b"content-length: 2\r\nX-Request-Id: 7\r\n\r\n{}"))
        answer = self.send(listener.url)
        self.assertEqual((answer.status, answer.body, answer.headers["x-request-id"]), (200, b"{}", "7"))
        self.assertIn(f"host: 127.0.0.1:{listener.port}", listener.received[0].lower())
        self.assertTrue(listener.received[0].endswith("\r\n\r\n{}"))

    def test_chunks_and_no_length_are_read(self):
        for rest in (b"transfer-encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", b"\r\n{}"):
            self.assertEqual(self.send(self.listen(replies(HEAD + rest)).url).body, b"{}")

    def test_a_deadline_holds_for_the_whole_answer(self):
        byte_by_byte = [bytes([each]) for each in HEAD + b"x: " + b"y" * 100]
        slow_body = [HEAD + b"content-length: 100\r\n\r\n", *([b" "] * 100)]
        for parts in (byte_by_byte, slow_body, [HEAD, *[b""] * 20], []):
            listener = self.listen(replies(*parts, pause=0.05) if parts else lambda connection: time.sleep(1))
            began = time.monotonic()
            with self.assertRaises(OSError):
                self.send(listener.url, QUICK)
            self.assertLess(time.monotonic() - began, QUICK + 0.5)

    def test_a_cut_or_too_large_answer_is_none(self):
        import http.client

        for answer in (
            HEAD + b"content-length: 100\r\n\r\n{}",
            HEAD + b"transfer-encoding: chunked\r\n\r\n9\r\n{}",
            HEAD + b"\r\n" + b" " * 1_048_577,
            HEAD + b"content-length: 2000000\r\n\r\n" + b" " * 2_000_000,
            HEAD + b"x: " + b"y" * 100_000 + b"\r\n\r\n",
            b"nonsense\r\n\r\n",
            b"",
        ):
            with self.assertRaises((OSError, http.client.HTTPException)):
                self.send(self.listen(replies(answer)).url)

    def test_a_redirect_is_not_followed_and_gets_no_credentials(self):
        other = self.listen(replies(HEAD + b"content-length: 2\r\n\r\n{}"))
        redirect = b"HTTP/1.1 307 Moved\r\nlocation: " + other.url.encode() + b"/x\r\ncontent-length: 0\r\n\r\n"
        self.assertEqual(self.send(self.listen(replies(redirect)).url).status, 307)
        self.assertEqual(other.received, [])

    def test_a_name_server_that_is_down_or_slow_delays_no_request(self):
        listener = self.listen(replies(HEAD + b"content-length: 2\r\n\r\n{}"))
        transport = HttpTransport()
        url = f"http://localhost:{listener.port}"
        done = threading.Event()
        self.addCleanup(done.set)
        for lookup in ({"side_effect": socket.gaierror("Temporary failure")}, {"side_effect": lambda *a, **b: done.wait() and []}):
            with mock.patch("socket.getaddrinfo", **lookup):
                began = time.monotonic()
                with self.assertRaises(OSError):
                    self.send(url, QUICK, transport=HttpTransport())
                self.assertLess(time.monotonic() - began, QUICK)
            self.send(url, transport=transport)
            with mock.patch("socket.getaddrinfo", **lookup):
                self.assertEqual(self.send(url, 2 * QUICK, transport=transport).status, 200)

    def test_certificates_are_verified_and_a_proxy_sees_the_host_alone(self):
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        files = ["-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem"]
        name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *files, *name]
        subprocess.run(command, check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{folder}/cert.pem", f"{folder}/key.pem")
        server = self.listen(replies(HEAD + b"content-length: 2\r\n\r\n{}"), context)
        url = f"https://localhost:{server.port}"
        with self.assertRaises(ssl.SSLCertVerificationError):
            self.send(url)
        trusting = HttpTransport(ssl.create_default_context(cafile=f"{folder}/cert.pem"))
        self.assertEqual(self.send(url, transport=trusting).status, 200)
        with self.assertRaises(ssl.SSLCertVerificationError):
            self.send(f"https://127.0.0.1:{server.port}", transport=trusting)

        def forward(connection):
            with socket.create_connection(("127.0.0.1", server.port)) as target:
                connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                back = threading.Thread(target=pump, args=(target, connection), daemon=True)
                back.start()
                pump(connection, target)
                back.join()

        proxy = self.listen(forward)
        environment = {"https_proxy": f"http://user:p%40ss@127.0.0.1:{proxy.port}", "no_proxy": ""}
        with mock.patch.dict(os.environ, environment):
            self.assertEqual(self.send(url, transport=trusting).status, 200)
        [connect] = proxy.received
        self.assertTrue(connect.startswith(f"CONNECT localhost:{server.port} HTTP/1.1\r\n"), connect)
        self.assertIn("Proxy-Authorization: Basic dXNlcjpwQHNz", connect)
        refusing = self.listen(replies(b"HTTP/1.1 407 No\r\ncontent-length: 0\r\n\r\n"))
        with mock.patch.dict(os.environ, {"https_proxy": f"http://127.0.0.1:{refusing.port}", "no_proxy": ""}):
            with self.assertRaisesRegex(OSError, "the proxy 127.0.0.1 answered HTTP 407"):
                self.send(url, transport=trusting)
        with mock.patch.dict(os.environ, {"https_proxy": "http://127.0.0.1:1", "no_proxy": "localhost"}):
            self.assertEqual(self.send(url, transport=trusting).status, 200)


def pump(source, target):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


class Options(unittest.TestCase):
    good = {"url": "https://licenses.example", "license_key": KEY, "fingerprint": "machine"}

    def setUp(self):
        variables = {name: "" for name in os.environ if name.startswith("SEATLEASE_") and name != "SEATLEASE_SOURCE"}
        patch = mock.patch.dict(os.environ, variables)
        patch.start()
        self.addCleanup(patch.stop)

    def refusal(self, environment=None, **options):
        with mock.patch.dict(os.environ, environment or {}), self.assertRaises(SeatleaseError) as caught:
            Client(**{**self.good, **options})
        self.assertEqual(caught.exception.code, "OPTION_INVALID")
        self.assertNotIn(KEY, str(caught.exception))
        return str(caught.exception)

    def test_an_error_names_the_option_or_the_variable(self):
        self.assertIn("url is missing: pass it, or set SEATLEASE_URL", self.refusal(url=None))
        self.assertIn("license_key is missing", self.refusal(license_key=None))
        self.assertIn("license_key must not", self.refusal(license_key=f"{KEY}\n"))
        self.assertIn("SEATLEASE_URL must", self.refusal({"SEATLEASE_URL": "foo"}, url=None))
        self.assertIn("SEATLEASE_WAIT must", self.refusal({"SEATLEASE_WAIT": "abc"}))
        environment = {"SEATLEASE_PUBLIC_KEYS": "/nowhere", "SEATLEASE_URL": "https://licenses.example"}
        self.assertIn("SEATLEASE_PUBLIC_KEYS cannot be used", self.refusal(environment, url=None))
        self.assertIn("public_keys cannot be used", self.refusal(public_keys="text"))

    def test_credentials_are_sent_to_https_or_this_machine_alone(self):
        for url in ("http://licenses.example", "http://127.0.0.1.example", "http://10.0.0.1", "http://localhost.example"):
            self.assertIn("https://", self.refusal(url=url))
        for url in ("ftp://x", "https://", "//x", "", "https://u:p@x", "https://x y", "https://m\u00fcnchen.example", "https://x:99999", "https://[x"):
            self.refusal(url=url)
        for url in ("http://localhost:1", "http://127.9.9.9", "http://[::1]:8080/", "https://x/base/"):
            Client(**{**self.good, "url": url})

    def test_options_come_from_the_environment(self):
        environment = {
            "SEATLEASE_URL": "https://licenses.example/",
            "SEATLEASE_LICENSE_KEY": KEY,
            "SEATLEASE_FINGERPRINT": "as it is",
            "SEATLEASE_WAIT": "true",
        }
        with mock.patch.dict(os.environ, environment):
            client = Client()
        self.assertEqual((client._facts["fingerprint"], client._wait), ("as it is", float("inf")))

    def test_keys_of_the_environment_are_ignored_if_the_app_names_the_server(self):
        with mock.patch.dict(os.environ, {"SEATLEASE_PUBLIC_KEYS": "/nowhere"}):
            self.assertFalse(Client(**self.good)._grace.is_possible)

    def test_an_unknown_event_or_wait_is_refused(self):
        client = Client(**self.good)
        for call in (
            lambda: client.on("nonsense", print),
            lambda: client.acquire(wait="soon"),
            lambda: client.acquire(wait=-1),
            lambda: client.acquire(borrow_days=0),
        ):
            with self.assertRaises(SeatleaseError) as caught:
                call()
            self.assertEqual(caught.exception.code, "OPTION_INVALID")


if __name__ == "__main__":
    unittest.main()
