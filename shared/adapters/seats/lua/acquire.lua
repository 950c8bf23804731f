-- acquire: grants a holder one seat of a license, or returns why not.
--
-- Promise: there are never more than max + overdraft leases; a holder that has a seat keeps the same session; a retry
-- with the same proposed session changes nothing and appends no second event. There are never more loans than allowed,
-- and a loan is never shortened. A call that exceeds the license's request limit changes nothing.
--
-- ARGV[1] license_id
-- ARGV[2] proof            see include/caller.lua
-- ARGV[3] proposed_session the session id to use if a seat is granted
-- ARGV[4] machine          holder if seats are counted by machine
-- ARGV[5] user             holder if seats are counted by user, or ''
-- ARGV[6] process          holder if seats are counted by process, or ''
-- ARGV[7] facts            what the client reports about itself, stored as it is
-- ARGV[8] borrow_days      days to borrow the seat for, or '' to keep it by heartbeats
--
-- returns {'GRANTED'|'RENEWED', session, now_ms, expiry_ms, active, max, ttl_seconds, heartbeat_seconds,
--          offline_grace_days, packed, borrowed_until_ms}  the last is 0 for a seat that is not borrowed
-- returns {'FULL', active, max, retry_after_seconds}
-- returns {'HOLDER_REQUIRED', unit}
-- returns {'BORROW_TOO_LONG', max_days}
-- returns {'BORROW_LIMIT', borrowed, borrowable}
-- returns {'ENDED'}        this session was granted and has ended since: a late retry of an old request
-- returns {'UNKNOWN_LICENSE'}, {'WRONG_KEY'}, {'NOT_YOURS'}, {'SUSPENDED'}, {'EXPIRED'}
-- returns {'TOO_OFTEN', retry_after_seconds}
--
-- @include keys
-- @include digits
-- @include license
-- @include leases
-- @include caller
-- @include enter
-- @include pace
-- @include denials
-- @include loans

local proof = ARGV[2]
local proposed_session = ARGV[3]
local holder_by_unit = { machine = ARGV[4], user = ARGV[5], process = ARGV[6] }
local facts = ARGV[7]
local borrow_days = tonumber(ARGV[8]) or 0

local function pace_acquires(license, now_ms)
  return charge(license, 'acquires_us', license.requests_per_minute, now_ms)
end

local license, now_ms, refusal = enter_for_a_seat(read_caller(proof), pace_acquires)
if refusal then
  return refusal
end

local holder = holder_by_unit[license.unit]
if holder == '' then
  return { 'HOLDER_REQUIRED', license.unit }
end

if borrow_days > license.borrow_max_days then
  return { 'BORROW_TOO_LONG', license.borrow_max_days }
end

-- When the requested loan would end, or 0.
local wanted_loan_ms = 0
if borrow_days > 0 then
  wanted_loan_ms = within_license(license, now_ms + borrow_days * DAY_MS)
end

local function refuse_loan()
  local borrowed, borrowable = count_loans(license, now_ms)
  if borrowed >= borrowable then
    return { 'BORROW_LIMIT', borrowed, borrowable }
  end
end

local function grant(verdict, session, acquired_ms, again_ms, promised_ms, active, expiry_ms, loan_ms)
  local packed = pack(holder, acquired_ms, again_ms, promised_ms, facts)
  put_lease(session, holder, packed, expiry_ms)
  update_due()
  return { verdict, session, now_ms, expiry_ms, active, license.max, license.ttl_seconds,
    license.heartbeat_seconds, license.offline_grace_days, packed, reported_loan_ms(loan_ms, expiry_ms) }
end

local held_session = redis.call('HGET', holder_key, holder)
local held_expiry_ms = held_session and living_expiry_ms(license, held_session, now_ms)
if held_expiry_ms then
  local packed = redis.call('HGET', session_key, held_session)
  local loan_ms = loan_end_ms(held_session, now_ms)
  if wanted_loan_ms >= loan_ms + SAME_REQUEST_MS then
    local loan_refusal = loan_ms == 0 and refuse_loan()
    if loan_refusal then
      return loan_refusal
    end
    loan_ms = wanted_loan_ms
    lend(held_session, loan_ms)
    append_loan_event(license, held_session, now_ms, packed, loan_ms)
  end
  local _, acquired_ms, again_ms, promised_ms = unpack_facts(packed)
  local expiry_ms = lease_end_ms(license, now_ms, loan_ms)
  -- The proposed session already holds the seat: a retry whose first response was lost. It gets GRANTED again.
  local verdict = 'GRANTED'
  if held_session ~= proposed_session then
    verdict = 'RENEWED'
    again_ms = digits(math.max(0, now_ms - tonumber(acquired_ms)))
  end
  return grant(verdict, held_session, acquired_ms, again_ms, longest_promise(promised_ms, held_expiry_ms, expiry_ms),
    count_active(now_ms), expiry_ms, loan_ms)
end

if redis.call('ZSCORE', ended_key, proposed_session) then
  return { 'ENDED' }
end

local active = count_active(now_ms)
if active >= license.limit then
  count_denial(license, proposed_session, now_ms)
  return { 'FULL', active, license.max, seconds_until_room(license, now_ms) }
end
local loan_refusal = wanted_loan_ms > 0 and refuse_loan()
if loan_refusal then
  return loan_refusal
end

local packed = pack(holder, digits(now_ms), '0', '0', facts)
append_session_event(license, 'session.acquired', proposed_session, now_ms, packed, active + 1)
local granted = grant('GRANTED', proposed_session, digits(now_ms), '0', '0', active + 1,
  lease_end_ms(license, now_ms, wanted_loan_ms), wanted_loan_ms)
if wanted_loan_ms > 0 then
  lend(proposed_session, wanted_loan_ms)
  append_loan_event(license, proposed_session, now_ms, packed, wanted_loan_ms)
end
return granted
