"""What this machine stores and is identified by. The same as in the JavaScript SDK: both share seats of a machine."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import subprocess
import sys
import uuid
from typing import Callable, List, Mapping, Optional

from ._errors import SeatleaseError


def default_folder(
    env: Mapping[str, str] = os.environ, system: str = sys.platform, home: Optional[str] = None
) -> Optional[str]:
    """The system's folder for application state of one user. None without a home."""
    home = os.path.expanduser("~") if home is None else home
    if system == "darwin":
        folder = os.path.join(home, "Library", "Application Support")
    elif system == "win32":
        folder = env.get("LOCALAPPDATA") or os.path.join(home, "AppData", "Local")
    else:
        # Relative paths are ignored, as the XDG Base Directory Specification says.
        given = env.get("XDG_STATE_HOME", "")
        folder = given if os.path.isabs(given) else os.path.join(home, ".local", "state")
    # Without HOME and an entry in passwd, expanduser returns "~".
    return os.path.join(folder, "seatlease") if os.path.isabs(folder) else None


class Storage:
    """One file for each name, readable by the user only."""

    def __init__(self, folder: Optional[str]) -> None:
        self.folder = folder

    def _file(self, name: str) -> str:
        # File systems differ in allowed characters and case: a digest works on all of them.
        return os.path.join(self.folder or "", hashlib.sha256(name.encode()).hexdigest()[:32] + ".json")

    def read(self, name: str) -> Optional[str]:
        if self.folder is None:
            return None
        try:
            with open(self._file(name), encoding="utf-8") as file:
                return file.read(1_048_576)
        except (OSError, ValueError):
            return None

    def write(self, name: str, text: str) -> bool:
        """Replaces the file as a whole. Returns whether that succeeded."""
        if self.folder is None:
            return False
        draft = f"{self._file(name)}.{uuid.uuid4()}"
        try:
            os.makedirs(self.folder, mode=0o700, exist_ok=True)
            with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, self._file(name))
            return True
        except OSError:
            _remove(draft)
            return False

    def remove(self, name: str) -> None:
        if self.folder is not None:
            _remove(self._file(name))


def _remove(file: str) -> None:
    try:
        os.remove(file)
    except OSError:
        pass


def _read(file: str) -> str:
    with open(file, encoding="utf-8") as opened:
        return opened.read(4096)


def _run(command: List[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout


def machine_fingerprint(
    storage: Storage,
    system: str = sys.platform,
    read: Callable[[str], str] = _read,
    run: Callable[[List[str]], str] = _run,
) -> str:
    """The machine id itself stays on the machine: only its digest leaves it, as systemd's machine-id(5) requires."""
    machine_id = _machine_id(system, read, run) or _stored_id(storage)
    digest = hmac.new(machine_id.encode(), b"seatlease fingerprint", hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _machine_id(system: str, read: Callable[[str], str], run: Callable[[List[str]], str]) -> Optional[str]:
    def match(output: Callable[[], str], pattern: str) -> Optional[str]:
        try:
            found = re.search(pattern, output())
        except (OSError, ValueError, subprocess.SubprocessError):
            return None
        return found.group(1) if found else None

    if system == "darwin":
        command = ["/usr/sbin/ioreg", "-rd1", "-c", "IOPlatformExpertDevice"]
        return match(lambda: run(command), r'"IOPlatformUUID"\s*=\s*"([\w-]+)"')
    if system == "win32":
        key = r"HKLM\SOFTWARE\Microsoft\Cryptography"
        command = ["reg.exe", "query", key, "/v", "MachineGuid", "/reg:64"]
        return match(lambda: run(command), r"MachineGuid\s+REG_SZ\s+([\w-]+)")
    # In an image that was not booted yet, the file contains "uninitialized", or is empty.
    written = r"\A([0-9a-f]{32})\s*\Z"
    return match(lambda: read("/etc/machine-id"), written) or match(lambda: read("/var/lib/dbus/machine-id"), written)


def _stored_id(storage: Storage) -> str:
    stored = storage.read("machine")
    if not stored:
        storage.write("machine", str(uuid.uuid4()))
        # Another program may have written one at the same time: both use the stored one.
        stored = storage.read("machine")
    if not stored:
        raise SeatleaseError(
            "FINGERPRINT_UNAVAILABLE",
            "This machine has no machine id, and none can be stored in "
            f"{storage.folder or 'a home folder, because there is none'}. Set fingerprint or SEATLEASE_FINGERPRINT.",
        )
    return stored
