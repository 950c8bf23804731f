-- release: ends a session and frees its seat at once.
--
-- Promise: when this returns, the seat is free and the session can never be revived; a retry changes nothing. A delayed
-- release that its holder sent before acquiring the session again ends nothing.
--
-- ARGV[1] license_id
-- ARGV[2] proof            see include/caller.lua
-- ARGV[3] session
-- ARGV[4] reason           'released' by its holder, or 'evicted' by an administrator
-- ARGV[5] token_expiry_ms  end of the lease in the caller's session token, or '' without a valid token
-- ARGV[6] token_facts      the token's facts, or ''
-- ARGV[7] sent_ms          when the holder sent this, if known, or ''
--
-- returns {'ENDED'}        it held a seat until now
-- returns {'ALREADY_ENDED'} it did not hold one any more
-- returns {'OVERTAKEN'}    its holder has acquired it again since this was sent: the seat is kept
-- returns {'UNKNOWN_SESSION'}
-- returns {'UNKNOWN_LICENSE'}, {'WRONG_KEY'}, {'NOT_YOURS'}
-- returns {'TOO_OFTEN', retry_after_seconds}
--
-- @include keys
-- @include leases
-- @include caller
-- @include enter

local proof = ARGV[2]
local session = ARGV[3]
local reason = ARGV[4]
local token_expiry_ms = tonumber(ARGV[5])
local token_facts = ARGV[6]
local sent_ms = tonumber(ARGV[7])

local caller = read_caller(proof)
local license, now_ms, refusal = enter(caller)
if refusal then
  return refusal
end

local expiry_ms = living_expiry_ms(license, session, now_ms)
local packed = kept_facts(session) or token_expiry_ms and pack('', '0', '0', '0', token_facts)
-- There may be no facts that name the user of an ended session: a signed-in user then needs its token.
if not can_access(caller, packed) then
  return { 'UNKNOWN_SESSION' }
end
if not expiry_ms then
  local forget_ms = redis.call('ZSCORE', ended_key, session)
  if forget_ms then
    mark_ended(session, tonumber(forget_ms))
    return { 'ALREADY_ENDED' }
  end
  -- Redis has lost it: its token must not revive it.
  if token_expiry_ms and token_expiry_ms + MEMORY_MS > now_ms then
    mark_ended(session, token_expiry_ms + MEMORY_MS)
    bound_memory()
    return { 'ALREADY_ENDED' }
  end
  return { 'UNKNOWN_SESSION' }
end

local _, acquired_ms, again_ms = unpack_facts(packed)
if sent_ms and sent_ms < tonumber(acquired_ms) + tonumber(again_ms) then
  return { 'OVERTAKEN' }
end
end_session(license, session, expiry_ms, packed, reason, now_ms)
return { 'ENDED' }
