-- @include digits

local LEASE_RAN_OUT = { 'reason', 'lease_ran_out' }

-- Who caused an event, and by which request: kind, id and request id, separated by spaces, without the last if no request
-- caused it. These two are the seat store itself, for what no caller asked for, and an erasure.
local SEATS = 'system seats'
local ERASURE = 'system erasure'

-- Appends one event in the same atomic step as the change that it reports. `at_ms` is when it happened, which for an
-- expired lease is earlier than when it was noticed. `more` is a flat list of field, value, field, value. `v` is the
-- version of the format, which redis-maintenance.ts reads.
local function append_event(license, type, session, at_ms, by, more)
  redis.call('XADD', outbox_key, '*', 'v', '1', 'type', type, 'license_id', license_id, 'tenant_id', license.tenant_id,
    'session_id', session, 'at_ms', digits(at_ms), 'by', by, unpack(more or {}))
end
