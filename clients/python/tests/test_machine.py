import base64
import hashlib
import hmac
import json
import os
import shutil
import tempfile
import unittest
from pathlib import Path

from world import KEY  # noqa: F401 (puts the package on the path)

from seatlease import SeatleaseError
from seatlease._machine import Storage, machine_fingerprint, default_folder

ID = "0123456789abcdef0123456789abcdef"
VECTORS = Path(__file__).resolve().parents[2] / "docs" / "fingerprint-vectors.json"


def expected(machine_id):
    digest = hmac.new(machine_id.encode(), b"seatlease fingerprint", hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


class Fingerprints(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.storage = Storage(self.folder)

    def on(self, system, outputs):
        def read(name):
            if name not in outputs:
                raise FileNotFoundError(name)
            return outputs[name]

        return machine_fingerprint(self.storage, system, read, lambda command: read(command[0]))

    def test_the_machine_id_is_hashed_as_the_sdk_does(self):
        # Computed by machineFingerprint of clients/sdk/src/node/fingerprint.ts.
        self.assertEqual(expected(ID), "PN-ZOMAUk8bOK2UVqxv196e2w-ESlQBKjXDqox2QrIc")
        uuid = "564D1F20-9A4C-4B3E-8F00-0123456789AB"
        for system, outputs, machine_id in [
            ("linux", {"/etc/machine-id": f"{ID}\n"}, ID),
            ("linux", {"/etc/machine-id": "uninitialized\n", "/var/lib/dbus/machine-id": ID}, ID),
            ("darwin", {"/usr/sbin/ioreg": f'  "IOPlatformUUID" = "{uuid}"\n'}, uuid),
            ("win32", {"reg.exe": f"\r\nHKLM\\Cryptography\r\n    MachineGuid    REG_SZ    {uuid}\r\n"}, uuid),
        ]:
            self.assertEqual(self.on(system, outputs), expected(machine_id))

    def test_without_a_machine_id_a_stored_one_is_used_which_the_sdk_shares(self):
        first = self.on("linux", {})
        self.assertEqual(self.on("linux", {"/etc/machine-id": ""}), first)
        [file] = Path(self.folder).iterdir()
        self.assertEqual(file.name, f"{hashlib.sha256(b'machine').hexdigest()[:32]}.json")
        self.assertEqual(expected(file.read_text()), first)

    def test_nothing_stored_is_an_error_and_never_a_fresh_one_at_each_start(self):
        for folder in (None, "/proc/nowhere"):
            self.storage = Storage(folder)
            with self.assertRaises(SeatleaseError) as caught:
                self.on("linux", {})
            self.assertEqual(caught.exception.code, "FINGERPRINT_UNAVAILABLE")
            self.assertIn("SEATLEASE_FINGERPRINT", str(caught.exception))

    def test_the_vectors_of_the_protocol_hold(self):
        vectors = json.loads(VECTORS.read_text())["vectors"]
        self.assertGreater(len(vectors), 5)
        for vector in vectors:
            with self.subTest(vector["name"]):
                found = self.on(vector["system"], {vector["source"].split()[0]: vector["output"]})
                if vector["fingerprint"] is None:
                    self.assertEqual(found, expected(self.storage.read("machine")))
                else:
                    self.assertEqual(found, vector["fingerprint"])


class Folders(unittest.TestCase):
    def test_state_is_in_the_folder_of_the_system_if_there_is_a_home(self):
        self.assertEqual(default_folder({}, "linux", "/home/u"), "/home/u/.local/state/seatlease")
        self.assertEqual(default_folder({"XDG_STATE_HOME": "/x"}, "linux", "/home/u"), "/x/seatlease")
        self.assertEqual(default_folder({"XDG_STATE_HOME": "x"}, "linux", "/home/u"), "/home/u/.local/state/seatlease")
        self.assertEqual(default_folder({}, "darwin", "/Users/u"), "/Users/u/Library/Application Support/seatlease")
        self.assertIsNone(default_folder({}, "linux", "~"))

    @unittest.skipIf(os.name == "nt", "Windows has no modes")
    def test_a_failed_write_leaves_no_draft(self):
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        storage = Storage(folder)
        os.mkdir(storage._file("taken"))
        storage.write("taken", "text")
        self.assertEqual(len(os.listdir(folder)), 1)


if __name__ == "__main__":
    unittest.main()
