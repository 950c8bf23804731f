-- read-session: returns one session that holds a seat, with the license that was last signed for it.
--
-- Promise: extends no lease, and returns nothing of a license that is not active.
--
-- ARGV[1] license_id
-- ARGV[2] proof            see include/caller.lua
-- ARGV[3] session
--
-- returns {'OK', now_ms, expiry_ms, packed, borrowed_until_ms, version, valid_until_ms, ttl_seconds,
--          heartbeat_seconds, offline_grace_days, signed}  signed is '' if nothing is stored
-- returns {'GONE'}
-- returns {'UNKNOWN_LICENSE'}, {'WRONG_KEY'}, {'NOT_YOURS'}, {'SUSPENDED'}, {'EXPIRED'}
-- returns {'TOO_OFTEN', retry_after_seconds}
--
-- @include keys
-- @include leases
-- @include caller
-- @include enter
-- @include loans

local proof = ARGV[2]
local session = ARGV[3]

local caller = read_caller(proof)
local license, now_ms, refusal = enter_for_a_seat(caller)
if refusal then
  return refusal
end

local expiry_ms = living_expiry_ms(license, session, now_ms)
local packed = expiry_ms and redis.call('HGET', session_key, session)
if not packed or not can_access(caller, packed) then
  return { 'GONE' }
end
return { 'OK', now_ms, expiry_ms, packed,
  reported_loan_ms(loan_end_ms(session, now_ms), expiry_ms), license.version, license.valid_until_ms,
  license.ttl_seconds, license.heartbeat_seconds, license.offline_grace_days, redis.call('HGET', signed_key, session) or '' }
