"""What a client does after each problem. Generated from shared/errors.ts by `npm run generate`."""

from typing import Dict, NamedTuple, Tuple


class Next(NamedTuple):
    """The next step: `stop`, `acquire`, or `retry` with a backoff. within: `lease` allows no offline grace."""

    do: str
    backoff: str = ""
    within: str = ""


# Seconds: the upper bounds of the first wait and of every wait.
BACKOFFS: Dict[str, Tuple[float, float]] = {
    "outage": (1, 60),
    "seat": (2, 60),
    "repair": (30, 300),
}

# After any call, unless a seat is held and one of the other tables has the code.
NEXT: Dict[str, Next] = {
    "VALIDATION_FAILED": Next("stop"),
    "INVALID_JSON": Next("stop"),
    "INVALID_CURSOR": Next("stop"),
    "EVENT_INVALID": Next("stop"),
    "GRANT_INVALID": Next("stop"),
    "GRANT_UNSUPPORTED": Next("stop"),
    "CLIENT_NOT_ALLOWED": Next("stop"),
    "AUTHORIZATION_PENDING": Next("stop"),
    "SLOW_DOWN": Next("stop"),
    "DEVICE_CODE_EXPIRED": Next("stop"),
    "SIGN_IN_DENIED": Next("stop"),
    "REDIRECT_NOT_ALLOWED": Next("stop"),
    "SIGN_IN_MISMATCH": Next("stop"),
    "CONFIRMATION_INVALID": Next("stop"),
    "SIGNATURE_INVALID": Next("stop"),
    "METER_UNKNOWN": Next("stop"),
    "USAGE_TIME_REFUSED": Next("stop"),
    "USAGE_BELOW_FLOOR": Next("stop"),
    "USAGE_OUTSIDE_SESSION": Next("stop"),
    "HOLDER_REQUIRED": Next("stop"),
    "AUTHENTICATION_REQUIRED": Next("stop"),
    "CREDENTIALS_INVALID": Next("stop"),
    "CLIENT_UNKNOWN": Next("stop"),
    "FORBIDDEN": Next("stop"),
    "INSUFFICIENT_SCOPE": Next("stop"),
    "NOT_ENTITLED": Next("stop"),
    "BORROW_NOT_ALLOWED": Next("stop"),
    "TRIAL_NOT_OFFERED": Next("stop"),
    "LICENSE_SUSPENDED": Next("stop"),
    "LICENSE_EXPIRED": Next("stop"),
    "USER_CODE_UNKNOWN": Next("stop"),
    "NOT_FOUND": Next("stop"),
    "LICENSE_NOT_FOUND": Next("stop"),
    "TENANT_NOT_FOUND": Next("stop"),
    "USER_NOT_FOUND": Next("stop"),
    "OPERATOR_TOKEN_NOT_FOUND": Next("stop"),
    "INVITATION_NOT_FOUND": Next("stop"),
    "TRANSFER_NOT_FOUND": Next("stop"),
    "STRIPE_EVENT_NOT_FOUND": Next("stop"),
    "SUBSCRIPTION_NOT_FOUND": Next("stop"),
    "HOLD_NOT_FOUND": Next("stop"),
    "SIGNING_KEY_NOT_FOUND": Next("stop"),
    "REVOCATION_NOT_FOUND": Next("stop"),
    "SESSION_NOT_FOUND": Next("stop"),
    "METHOD_NOT_ALLOWED": Next("stop"),
    "SEATS_EXHAUSTED": Next("retry", "seat"),
    "SESSION_ENDED": Next("stop"),
    "SESSIONS_EXHAUSTED": Next("retry", "seat"),
    "SIGNED_LIMIT": Next("stop"),
    "BORROW_LIMIT_REACHED": Next("stop"),
    "SIGNING_KEY_IN_USE": Next("stop"),
    "REVOCATIONS_FULL": Next("stop"),
    "TENANT_CLOSED": Next("stop"),
    "OWNER_MUST_STAY": Next("stop"),
    "TOO_MANY_TENANTS": Next("stop"),
    "TENANT_HAS_OWNER": Next("stop"),
    "ALREADY_OWNER": Next("stop"),
    "TOO_MANY_INVITATIONS": Next("stop"),
    "DOMAIN_TAKEN": Next("stop"),
    "DOMAIN_PUBLIC": Next("stop"),
    "DOMAIN_NOT_CLAIMED": Next("stop"),
    "DOMAIN_NOT_VERIFIED": Next("stop"),
    "PLAN_NOT_FOR_SALE": Next("stop"),
    "LICENSE_NOT_FOR_SALE": Next("stop"),
    "ALREADY_SUBSCRIBED": Next("stop"),
    "INVOICE_NOT_PAID": Next("stop"),
    "BILLED_BY_SUBSCRIPTION": Next("stop"),
    "HOLD_NOT_LIFTABLE": Next("stop"),
    "SUBSCRIPTION_ENDED": Next("stop"),
    "NO_BILLING_ACCOUNT": Next("stop"),
    "TRIAL_ALREADY_USED": Next("stop"),
    "USAGE_CAP_REACHED": Next("stop"),
    "STRIPE_EVENT_NOT_RETRYABLE": Next("stop"),
    "USAGE_VOIDED": Next("stop"),
    "USAGE_RECORD_CONFLICT": Next("stop"),
    "PAYLOAD_TOO_LARGE": Next("stop"),
    "UNSUPPORTED_MEDIA_TYPE": Next("stop"),
    "IDEMPOTENCY_KEY_REUSED": Next("stop"),
    "RATE_LIMITED": Next("retry", "outage"),
    "INTERNAL": Next("retry", "outage"),
    "SIGNING_UNAVAILABLE": Next("retry", "outage"),
    "SIGNING_BUSY": Next("retry", "outage"),
    "SEATS_UNAVAILABLE": Next("retry", "outage"),
    "RECORDS_UNAVAILABLE": Next("retry", "outage"),
    "EVENTS_UNAVAILABLE": Next("retry", "outage"),
    "IDENTITY_UNAVAILABLE": Next("retry", "outage"),
    "SIGN_IN_NOT_SET_UP": Next("stop"),
    "BILLING_NOT_SET_UP": Next("stop"),
    "BILLING_UNAVAILABLE": Next("retry", "outage"),
    "DNS_UNAVAILABLE": Next("retry", "outage"),
    "LIMITS_UNAVAILABLE": Next("retry", "outage"),
}

# After a heartbeat, and after an acquire in place of a lost seat.
WHILE_HELD: Dict[str, Next] = {
    "VALIDATION_FAILED": Next("retry", "repair"),
    "INVALID_JSON": Next("retry", "repair"),
    "GRANT_UNSUPPORTED": Next("retry", "repair"),
    "CLIENT_NOT_ALLOWED": Next("retry", "repair"),
    "AUTHORIZATION_PENDING": Next("retry", "repair"),
    "SLOW_DOWN": Next("retry", "repair"),
    "DEVICE_CODE_EXPIRED": Next("retry", "repair"),
    "SIGN_IN_DENIED": Next("retry", "repair"),
    "AUTHENTICATION_REQUIRED": Next("retry", "repair"),
    "CLIENT_UNKNOWN": Next("retry", "repair"),
    "LICENSE_SUSPENDED": Next("retry", "repair", "lease"),
    "LICENSE_EXPIRED": Next("retry", "repair", "lease"),
    "NOT_FOUND": Next("retry", "repair"),
    "METHOD_NOT_ALLOWED": Next("retry", "repair"),
    "SEATS_EXHAUSTED": Next("retry", "seat", "lease"),
    "SESSIONS_EXHAUSTED": Next("retry", "seat", "lease"),
    "PAYLOAD_TOO_LARGE": Next("retry", "repair"),
    "UNSUPPORTED_MEDIA_TYPE": Next("retry", "repair"),
}

# As WHILE_HELD, by the code and the problem's `ended`. A missing or new value counts as `unknown`.
BY_ENDED: Dict[str, Next] = {
    "SESSION_NOT_FOUND released": Next("stop"),
    "SESSION_NOT_FOUND evicted": Next("stop"),
    "SESSION_NOT_FOUND expired": Next("acquire"),
    "SESSION_NOT_FOUND unknown": Next("acquire"),
}
