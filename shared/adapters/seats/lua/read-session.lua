-- read-session: tells of one session that holds a seat, with the license that was last signed for it.
--
-- Promise: extends nothing, and tells nothing of a license that is not in good standing.
--
-- ARGV[1] license_id
-- ARGV[2] proof            hash of the license key, or 'trusted'
-- ARGV[3] session
--
-- returns {'OK', now_ms, expiry_ms, packed, borrowed_until_ms, version, valid_until_ms, ttl_seconds,
--          heartbeat_seconds, offline_grace_days, signed}  signed is '' where there is nothing
-- returns {'GONE'}
-- returns {'UNKNOWN_LICENSE'}, {'WRONG_KEY'}, {'SUSPENDED'}, {'EXPIRED'}
--
-- @include keys
-- @include leases
-- @include enter
-- @include loans

local proof = ARGV[2]
local session = ARGV[3]

local license, now_ms, refusal = enter_for_a_seat(proof)
if refusal then
  return { refusal }
end

local expiry_ms = living_expiry_ms(license, session, now_ms)
if not expiry_ms then
  return { 'GONE' }
end
return { 'OK', now_ms, expiry_ms, redis.call('HGET', session_key, session),
  told_loan_ms(loan_end_ms(session, now_ms), expiry_ms), license.version, license.valid_until_ms, license.ttl_seconds,
  license.heartbeat_seconds, license.offline_grace_days, redis.call('HGET', signed_key, session) or '' }
