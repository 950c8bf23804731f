"""A signed license: a JWT (RFC 7519) of the type license+jwt, signed with RS256."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, NamedTuple

from ._answers import Entitlements, count_of, fields_of, read_entitlements, text_of, time_of
from ._errors import SeatleaseError
from ._rsa import PublicKey, from_base64url, verify

# Prefix of keys that `npm start` makes on a developer's machine. Anyone can make such a key.
_NOT_FOR_PRODUCTION = "not-for-production"


class License(NamedTuple):
    """A verified license. Its end is in seconds since the epoch, by the server's clock."""

    license_id: str
    offline_until: float
    entitlements: Entitlements


class Expected(NamedTuple):
    """What a license must be made for."""

    fingerprint: str
    license_key: str
    #: Whether to accept keys of a local server: only if the server runs on this machine.
    is_local: bool
    #: Whether the vendor has revoked a key, or the license in these claims.
    is_revoked: Callable[[PublicKey, Dict[str, Any]], bool] = lambda key, claims: False


def key_fits(license_key: str, license_id: str) -> bool:
    """Whether it is a key of this license: license keys contain the id of their license."""
    return license_key.startswith(f"slk_{license_id[4:] if license_id.startswith('lic_') else license_id}_")


def verify_token(token: str, keys: List[PublicKey], expected: Expected) -> License:
    """The license in a JWT for this machine; the caller checks its end. Raises OFFLINE_LICENSE_INVALID otherwise."""
    head, payload, signature, *more = [*token.split("."), "", ""]
    header, claims = _part(head), _part(payload)
    kid = str(header.get("kid") or "")
    # "crit" lists what a reader must understand: nothing is understood here (RFC 7515 section 4.1.11).
    is_license = header.get("alg") == "RS256" and header.get("typ") == "license+jwt" and "crit" not in header
    if more != ["", ""] or not is_license or not kid:
        raise invalid("It is not a signed license")
    if kid.startswith(_NOT_FOR_PRODUCTION) and not expected.is_local:
        raise invalid("It is signed by the key of a local test server")
    try:
        signed = from_base64url(signature)
    except ValueError:
        signed = b""
    message = f"{head}.{payload}".encode()
    signer = next((key for key in keys if key.kid in (None, kid) and verify(key, signed, message)), None)
    if signer is None:
        raise invalid("It is not signed by a key of the vendor")
    claim = claims.get("license")
    claim = claim if isinstance(claim, dict) else {}
    try:
        # exp is rounded down.
        until = min(time_of(claim.get("offline_until")), count_of(claims.get("exp")) + 1.0)
        license = License(text_of(claim.get("license_id")), until, read_entitlements(claim))
    except (ValueError, OverflowError):
        raise invalid("It lacks fields of a license") from None
    if claim.get("fingerprint") != expected.fingerprint:
        raise invalid("It is for another machine")
    if not key_fits(expected.license_key, license.license_id):
        raise invalid("It is for another license")
    if expected.is_revoked(signer, claims):
        raise invalid("The vendor has revoked it")
    return license


def invalid(detail: str) -> SeatleaseError:
    return SeatleaseError("OFFLINE_LICENSE_INVALID", f"The license cannot be used offline. {detail}.")


def _part(text: str) -> Dict[str, Any]:
    try:
        return fields_of(from_base64url(text))
    except ValueError:
        return {}
