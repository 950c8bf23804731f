"""The vendor's list of revoked keys and licenses, remembered for starts without the server."""

from __future__ import annotations

import json
import threading
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from ._answers import fields_of, text_of, time_of
from ._machine import Storage
from ._rsa import PublicKey, from_base64url, thumbprint, verify

PATH = "/.well-known/license-revocations.json"
# More tokens than the vendor has keys are not his.
_MOST_TOKENS = 64


class Revoked(NamedTuple):
    """What the vendor has revoked. A key is named by its thumbprint: its id in a token is what its signer wrote there."""

    #: Thumbprint, and since when in seconds since the epoch; None: all that the key has signed.
    keys: Tuple[Tuple[str, Optional[float]], ...] = ()
    #: The jti of licenses.
    licenses: Tuple[str, ...] = ()
    #: The latest list of each key, so that an old one does not replace it.
    sequences: Tuple[Tuple[str, int], ...] = ()


class Revocations:
    """The list is signed with the keys in the app. A list of a key that is not revoked replaces what is remembered. A key
    that revokes itself is believed about itself only, for good, as RFC 5011 section 2.1 has it: an app with only that key
    can verify no other list."""

    def __init__(self, storage: Storage, keys: List[PublicKey], url: str) -> None:
        self._storage = storage
        self._keys = keys
        self._name = f"python revocations {url}"
        self._lock = threading.RLock()
        self._known: Optional[Revoked] = None

    def is_revoked(self, key: PublicKey, claims: Dict[str, Any]) -> bool:
        known = self._read()
        license = claims.get("license")
        try:
            issued_at = time_of(license.get("issued_at") if isinstance(license, dict) else None)
        except ValueError:
            # A time that cannot be read is not before `since`.
            issued_at = float("inf")
        signer = thumbprint(key)
        is_key = any(name == signer and (since is None or issued_at >= since) for name, since in known.keys)
        return is_key or claims.get("jti") in known.licenses

    def add(self, body: bytes) -> bool:
        """Reads a fetched list. Returns whether it has changed anything. Raises ValueError if it is no list."""
        tokens = fields_of(body).get("tokens")
        if not isinstance(tokens, list):
            raise ValueError("no list")
        with self._lock:
            before = known = self._read()
            for token in tokens[:_MOST_TOKENS]:
                known = self._join(known, str(token))
            self._known = known
            if known == before:
                return False
            self._storage.write(self._name, json.dumps(known._asdict()))
            return True

    def _join(self, known: Revoked, token: str) -> Revoked:
        head, payload, signature, *more = [*token.split("."), "", ""]
        try:
            header, signed = fields_of(from_base64url(head)), from_base64url(signature)
            if more != ["", ""] or header.get("alg") != "RS256" or header.get("typ") != "license-revocations+jwt":
                return known
            message = f"{head}.{payload}".encode()
            key = next((key for key in self._keys if verify(key, signed, message)), None)
            if key is None:
                return known
            fresh = _read_list(fields_of(from_base64url(payload)))
        except (KeyError, TypeError, ValueError):
            return known
        signer = thumbprint(key)
        own = tuple(each for each in fresh.keys if each[0] == signer)
        if own:
            others = tuple(each for each in known.keys if each not in own)
            return known._replace(keys=others + own)
        latest = dict(known.sequences)
        sequence = dict(fresh.sequences)[""]
        if sequence < latest.get(signer, 0) or any(name == signer for name, _ in known.keys):
            return known
        return fresh._replace(sequences=tuple(sorted({**latest, signer: sequence}.items())))

    def _read(self) -> Revoked:
        with self._lock:
            if self._known is None:
                self._known = _stored(self._storage.read(self._name))
            return self._known


def _read_list(fields: Dict[str, Any]) -> Revoked:
    keys = tuple(
        (text_of(key["thumbprint"]), None if key["since"] is None else time_of(key["since"]))
        for key in fields["keys"]
    )
    return Revoked(keys, tuple(text_of(each["jti"]) for each in fields["licenses"]), (("", int(fields["sequence"])),))


def _stored(text: Optional[str]) -> Revoked:
    try:
        parts = json.loads(text or "")
        pairs = [tuple((str(name), value) for name, value in parts[field]) for field in ("keys", "sequences")]
        return Revoked(pairs[0], tuple(map(str, parts["licenses"])), pairs[1])
    except (KeyError, TypeError, ValueError):
        return Revoked()
