-- release: ends a session and frees its seat at once.
--
-- Promise: the seat is free when this returns, the session can never be revived, and asking again changes nothing.
--
-- ARGV[1] license_id
-- ARGV[2] proof            hash of the license key, or 'trusted'
-- ARGV[3] session
-- ARGV[4] reason           'released' by its holder, or 'evicted' by an administrator
-- ARGV[5] token_expiry_ms  end of the lease that the caller's session token proves, or '' without a valid token
--
-- returns {'ENDED'}        it held a seat until now
-- returns {'ALREADY_ENDED'} it held none any more
-- returns {'UNKNOWN_SESSION'}
-- returns {'UNKNOWN_LICENSE'}, {'WRONG_KEY'}
--
-- @include keys
-- @include leases
-- @include enter

local proof = ARGV[2]
local session = ARGV[3]
local reason = ARGV[4]
local token_expiry_ms = tonumber(ARGV[5])

local license, now_ms, refusal = enter(proof)
if refusal then
  return { refusal }
end

local expiry_ms = living_expiry_ms(license, session, now_ms)
if not expiry_ms then
  local forget_ms = redis.call('ZSCORE', ended_key, session)
  if forget_ms then
    mark_ended(session, tonumber(forget_ms))
    return { 'ALREADY_ENDED' }
  end
  -- Redis has lost it: the token that could bring it back must not.
  if token_expiry_ms and token_expiry_ms + MEMORY_MS > now_ms then
    mark_ended(session, token_expiry_ms + MEMORY_MS)
    bound_memory()
    return { 'ALREADY_ENDED' }
  end
  return { 'UNKNOWN_SESSION' }
end

local packed = redis.call('HGET', session_key, session)
local holder = unpack_facts(packed)
redis.call('ZREM', lease_key, session)
redis.call('HDEL', session_key, session)
redis.call('HDEL', holder_key, holder)
forget_paper({ session })
-- Remembered until any token of this session has run out, so that no late heartbeat brings it back.
mark_ended(session, forget_at_ms(expiry_ms, packed))
bound_memory()
append_session_event(license, 'session.' .. reason, session, now_ms, packed, count_active(now_ms))
note_soonest_expiry()
return { 'ENDED' }
