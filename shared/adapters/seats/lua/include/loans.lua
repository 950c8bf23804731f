-- @include keys
-- @include digits
-- @include leases

local DAY_MS = 86400000

-- A loan whose end moves by less than this is a retry: it changes nothing and is reported once.
local SAME_REQUEST_MS = 60000

-- Until when (ms) the session's seat is borrowed, or 0.
local function loan_end_ms(session, now_ms)
  local loan_ms = tonumber(redis.call('ZSCORE', borrowed_key, session) or '0')
  return loan_ms > now_ms and loan_ms or 0
end

-- A loan is reported to end no later than its lease, which an earlier end of the license can have shortened.
local function reported_loan_ms(loan_ms, expiry_ms)
  return math.min(loan_ms, expiry_ms)
end

local function lend(session, loan_ms)
  redis.call('ZADD', borrowed_key, digits(loan_ms), session)
end

-- The number of seats that are borrowed now, and the most that can be. Overdraft seats cannot be borrowed.
local function count_loans(license, now_ms)
  local borrowed = redis.call('ZCOUNT', borrowed_key, '(' .. digits(now_ms), '+inf')
  return borrowed, math.max(0, license.max - license.borrow_low_water)
end

-- The event fields of a loan, flat; empty for 0.
local function loan_fields(loan_ms)
  return loan_ms > 0 and { 'borrowed_until_ms', digits(loan_ms) } or {}
end

local function append_loan_event(license, session, now_ms, packed, loan_ms)
  append_session_event(license, 'session.borrowed', session, now_ms, packed, count_active(now_ms),
    loan_fields(loan_ms))
end
