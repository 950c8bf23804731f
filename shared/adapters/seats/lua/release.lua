-- release: ends a session and frees its seat at once.
--
-- Promise: the seat is free when this returns, the session can never be revived, and asking again changes nothing.
--
-- ARGV[1] license_id
-- ARGV[2] proof            hash of the license key, or 'trusted'
-- ARGV[3] session
-- ARGV[4] reason           'released' by its holder, or 'evicted' by an administrator
--
-- returns {'ENDED'}        it held a seat until now
-- returns {'ALREADY_ENDED'} it held none any more
-- returns {'UNKNOWN_SESSION'}
-- returns {'UNKNOWN_LICENSE'}, {'WRONG_KEY'}
--
-- @include keys
-- @include clock
-- @include license
-- @include events
-- @include leases

local proof = ARGV[2]
local session = ARGV[3]
local reason = ARGV[4]

local license = read_license()
if not license then
  return { 'UNKNOWN_LICENSE' }
end

local now_ms = read_clock_ms()
if not proves_key(license, proof, now_ms) then
  return { 'WRONG_KEY' }
end

collect_expired(license, now_ms)

local expiry_ms = living_expiry_ms(license, session, now_ms)
if not expiry_ms then
  redis.call('HDEL', lapsed_key, session)
  if redis.call('ZSCORE', ended_key, session) then
    return { 'ALREADY_ENDED' }
  end
  return { 'UNKNOWN_SESSION' }
end

local holder = unpack_facts(redis.call('HGET', session_key, session))
redis.call('ZREM', lease_key, session)
redis.call('HDEL', session_key, session)
redis.call('HDEL', holder_key, holder)
-- Remembered until any token of this session has run out, so that no late heartbeat brings it back.
remember_ended(session, expiry_ms + memory_ms(license))
bound_memory()
append_event(license, 'session.' .. reason, session, now_ms, {})
note_soonest_expiry()
return { 'ENDED' }
