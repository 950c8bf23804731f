-- acquire: gives a holder one seat of a license, or says why not.
--
-- Promise: never more than max + overdraft leases at any time; a holder that has a seat keeps the same session; asking
-- twice with the same proposed session changes nothing and appends no second event.
--
-- ARGV[1] license_id
-- ARGV[2] proof            hash of the license key, or 'trusted'
-- ARGV[3] proposed_session the session id to use if a seat is granted
-- ARGV[4] machine          holder where seats are counted by machine
-- ARGV[5] user             holder where seats are counted by user, or ''
-- ARGV[6] process          holder where seats are counted by process, or ''
-- ARGV[7] facts            what the client says about itself, kept as it is
--
-- returns {'GRANTED'|'RENEWED', session, now_ms, expiry_ms, active, max, ttl_seconds, heartbeat_seconds,
--          offline_grace_days, packed}
-- returns {'FULL', active, max, retry_after_seconds}
-- returns {'HOLDER_REQUIRED', unit}
-- returns {'ENDED'}        this very session was granted and has ended since: a late repeat of an old request
-- returns {'UNKNOWN_LICENSE'}, {'WRONG_KEY'}, {'SUSPENDED'}, {'EXPIRED'}
--
-- @include keys
-- @include digits
-- @include license
-- @include leases
-- @include enter
-- @include denials

local proof = ARGV[2]
local proposed_session = ARGV[3]
local holder_by_unit = { machine = ARGV[4], user = ARGV[5], process = ARGV[6] }
local facts = ARGV[7]

local license, now_ms, refusal = enter_for_a_seat(proof)
if refusal then
  return { refusal }
end

local holder = holder_by_unit[license.unit]
if holder == '' then
  return { 'HOLDER_REQUIRED', license.unit }
end

local expiry_ms = lease_end_ms(license, now_ms)

local function grant(verdict, session, acquired_ms, promised_ms, active)
  local packed = pack(holder, acquired_ms, promised_ms, facts)
  put_lease(session, holder, packed, expiry_ms)
  note_soonest_expiry()
  return { verdict, session, now_ms, expiry_ms, active, license.max, license.ttl_seconds,
    license.heartbeat_seconds, license.offline_grace_days, packed }
end

local held_session = redis.call('HGET', holder_key, holder)
local held_expiry_ms = held_session and living_expiry_ms(license, held_session, now_ms)
if held_expiry_ms then
  local _, acquired_ms, promised_ms = unpack_facts(redis.call('HGET', session_key, held_session))
  -- The answer to the first delivery was lost: what was granted then is granted still.
  local verdict = held_session == proposed_session and 'GRANTED' or 'RENEWED'
  return grant(verdict, held_session, acquired_ms, longest_promise(promised_ms, held_expiry_ms, expiry_ms),
    count_active(now_ms))
end

if redis.call('ZSCORE', ended_key, proposed_session) then
  return { 'ENDED' }
end

local active = count_active(now_ms)
if active >= license.limit then
  count_denial(license, proposed_session, now_ms)
  return { 'FULL', active, license.max, seconds_until_room(license, now_ms) }
end

append_session_event(license, 'session.acquired', proposed_session, now_ms,
  pack(holder, digits(now_ms), '0', facts), active + 1)
return grant('GRANTED', proposed_session, digits(now_ms), '0', active + 1)
