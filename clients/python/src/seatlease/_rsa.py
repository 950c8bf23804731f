"""RS256 (RSASSA-PKCS1-v1_5 with SHA-256), verification only, and the public keys for it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from typing import Any, List, NamedTuple, Optional, Sequence, Tuple, Union

PublicKeys = Union[str, Sequence[str], "dict[str, Any]"]

# DigestInfo of SHA-256, without the digest (RFC 8017 section 9.2, note 1).
_SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
# rsaEncryption with NULL parameters (RFC 3279 section 2.3.1).
_RSA_ENCRYPTION = bytes.fromhex("300d06092a864886f70d0101010500")


class PublicKey(NamedTuple):
    #: None for a key from a PEM.
    kid: Optional[str]
    n: int
    e: int


def verify(key: PublicKey, signature: bytes, message: bytes) -> bool:
    """RFC 8017 section 8.2.2. Compares the whole encoded message: a parser of the padding would be the place for
    Bleichenbacher's forgery of 2006, which hides bytes behind the digest or in its parameters."""
    length = (key.n.bit_length() + 7) // 8
    number = int.from_bytes(signature, "big")
    if len(signature) != length or number >= key.n:
        return False
    encoded = pow(number, key.e, key.n).to_bytes(length, "big")
    info = _SHA256_INFO + hashlib.sha256(message).digest()
    return hmac.compare_digest(encoded, b"\x00\x01" + b"\xff" * (length - len(info) - 3) + b"\x00" + info)


def thumbprint(key: PublicKey) -> str:
    """RFC 7638 section 3.1: the same in every form that a key can have."""
    e, n = (_base64url(number.to_bytes((number.bit_length() + 7) // 8, "big")) for number in (key.e, key.n))
    text = json.dumps({"e": e, "kty": "RSA", "n": n}, separators=(",", ":"))
    return _base64url(hashlib.sha256(text.encode()).digest())


def _base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def read_keys(given: PublicKeys) -> List[PublicKey]:
    """Reads a JSON Web Key Set (a dict or its text), or PEMs. Raises ValueError for anything else."""
    if isinstance(given, str) and given.lstrip().startswith("{"):
        given = json.loads(given)
    if isinstance(given, dict):
        keys = given.get("keys")
        if not isinstance(keys, list) or not keys:
            raise ValueError("the key set has no keys")
        return [_read_jwk(each) for each in keys]
    pems = "\n".join([given] if isinstance(given, str) else given)
    found = re.findall(r"-----BEGIN PUBLIC KEY-----([\sA-Za-z0-9+/=]+)-----END PUBLIC KEY-----", pems)
    if not found:
        raise ValueError("there is no PEM of a public key and no JSON Web Key Set")
    return [_read_spki(base64.b64decode(re.sub(r"\s", "", each), validate=True)) for each in found]


def from_base64url(text: str) -> bytes:
    """Strict: one text for each value, so that a token cannot be changed and stay valid."""
    if not re.fullmatch(r"[A-Za-z0-9_-]*", text):
        raise ValueError("not base64url")
    try:
        value = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise ValueError("not base64url") from error
    if base64.urlsafe_b64encode(value).rstrip(b"=").decode() != text:
        raise ValueError("not canonical base64url")
    return value


def _checked(kid: Optional[str], n: int, e: int) -> PublicKey:
    # The largest size keeps a wrong file from occupying a core for minutes. FIPS 186-5 section A.1.1 for e.
    if not 2048 <= n.bit_length() <= 8192 or n % 2 == 0 or not 2**16 < e < 2**32 or e % 2 == 0:
        raise ValueError("a key must be RSA with 2048 to 8192 bits and an odd exponent above 65536")
    return PublicKey(kid, n, e)


def _read_jwk(jwk: Any) -> PublicKey:
    if not isinstance(jwk, dict) or jwk.get("kty") != "RSA":
        raise ValueError("the key set has a key that is not RSA")
    kid = jwk.get("kid")
    # Other fields are ignored: the algorithm is fixed here, never read from the key set.
    n, e = (int.from_bytes(from_base64url(str(jwk.get(name))), "big") for name in ("n", "e"))
    return _checked(kid if isinstance(kid, str) else None, n, e)


def _read_spki(der: bytes) -> PublicKey:
    """SubjectPublicKeyInfo (RFC 5280 section 4.1) of an RSA key (RFC 8017 section A.1.1): no more than these bytes."""
    info = _only(0x30, der)
    if not info.startswith(_RSA_ENCRYPTION):
        raise ValueError("the PEM is not an RSA key")
    bits = _only(0x03, info[len(_RSA_ENCRYPTION) :])
    if not bits.startswith(b"\x00"):
        raise ValueError("the PEM is not a public key")
    n, rest = _element(0x02, _only(0x30, bits[1:]))
    return _checked(None, _natural(n), _natural(_only(0x02, rest)))


def _element(tag: int, der: bytes) -> Tuple[bytes, bytes]:
    """The content of the first element, and what follows it. DER: lengths in their shortest form."""
    if len(der) < 2 or der[0] != tag:
        raise ValueError("the PEM is not a public key")
    length, start = der[1], 2
    if length >= 0x80:
        start += length - 0x80
        length = int.from_bytes(der[2:start], "big")
        if start not in (3, 4) or length < (0x80 if start == 3 else 0x100):
            raise ValueError("the PEM is not DER")
    if len(der) < start + length:
        raise ValueError("the PEM is cut")
    return der[start : start + length], der[start + length :]


def _only(tag: int, der: bytes) -> bytes:
    content, rest = _element(tag, der)
    if rest:
        raise ValueError("the PEM has more than one key's bytes")
    return content


def _natural(content: bytes) -> int:
    if not content or content[0] >= 0x80 or (content[0] == 0 and len(content) > 1 and content[1] < 0x80):
        raise ValueError("the PEM has a number that is not positive, or not DER")
    return int.from_bytes(content, "big")
