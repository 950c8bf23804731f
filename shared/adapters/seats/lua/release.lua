-- release: ends a session. Its seat is free at once if it was the last one there.
--
-- Promise: the other sessions of the seat keep it. When this returns, the session can never be revived; a retry changes
-- nothing. A call that ends a living session is neither counted nor refused; any other counts against the request limit.
--
-- KEYS license held seats gone loans signed signers due outbox barred?
--
-- ARGV[1] license_id
-- ARGV[2] proof         see include/caller.lua
-- ARGV[3] id  of the session
-- ARGV[4] token_end_ms  end of the lease in the caller's session token, or '' without a valid token
-- ARGV[5] token_kind    the token's, or ''
-- ARGV[6] token_facts   the token's, or ''
-- ARGV[7] by            who asks, and by which request, see include/events.lua
--
-- returns {'ENDED', kind}    it lived until now
-- returns {'ALREADY_ENDED'}
-- returns {'UNKNOWN_SESSION'}
-- returns {'UNKNOWN_LICENSE'}, {'WRONG_KEY'}, {'NOT_YOURS'}
-- returns {'TOO_OFTEN', retry_after_seconds}
--
-- @include clock
-- @include license
-- @include caller
-- @include enter
-- @include gone
-- @include sessions
-- @include beats
-- @include signed

local proof = ARGV[2]
local id = ARGV[3]
local token_end_ms = tonumber(ARGV[4])
local token_kind = ARGV[5]
local token_facts = ARGV[6]
local by = ARGV[7]

local caller = read_caller(proof)
local now_ms = read_clock_ms()
local packed = redis.call('HGET', held_key, id)
local session = living_session(caller, id, packed, now_ms, token_facts)

local character = character_of(session, id)
local license, refusal = enter(caller, { character }, now_ms)
if refusal then
  return leave(refusal)
end

if session then
  local seat = read_seat_of(session, now_ms)
  collect_dead(license, { seat }, now_ms)
  end_sessions(license, seat, { session }, 'released', by, now_ms)
  delete_unneeded(license, seat, { session })
  return { 'ENDED', session.kind }
end

refusal = id ~= '' and pace(license, caller, character, now_ms)
if refusal then
  return refusal
end

local function end_forgotten()
  local stored = unpack_session(id, packed)
  -- What has ended may be forgotten, so only the token shows whose it was.
  if stored and stored.end_ms > now_ms or not can_access(caller, token_facts) then
    return { 'UNKNOWN_SESSION' }
  end
  if stored then
    collect_dead(license, { read_seat(stored.holder, now_ms) }, now_ms)
  end
  local why, forget_ms = read_gone(id, now_ms)
  if why == 'expired' then
    mark_gone(id, forget_ms, 'released')
  end
  if why then
    return { 'ALREADY_ENDED' }
  end
  -- Redis has lost it: its token must not revive it.
  if token_end_ms and token_kind ~= 'l' and token_end_ms + MEMORY_MS > now_ms then
    mark_gone(id, token_end_ms + MEMORY_MS, 'released')
    return { 'ALREADY_ENDED' }
  end
  return { 'UNKNOWN_SESSION' }
end

return leave(end_forgotten())
