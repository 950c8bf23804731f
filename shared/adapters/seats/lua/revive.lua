-- revive: gives sessions that hold no seat now their seat again, or returns how they ended.
--
-- Promise: there are never more than max + overdraft seats. A session that was released or evicted stays ended. Only a
-- valid token revives one, and never a loan: those are restored from the records. On a seat that its holder has, a
-- session needs no room unless it has 64 programs, or loans exceed the limit. A session that Redis has forgotten is
-- revived only if the records allow it. A call that exceeds the request limit changes nothing.
--
-- KEYS license held seats gone loans due outbox barred?
--
-- ARGV[1] license_id
-- ARGV[2] proof        see include/caller.lua
-- ARGV[3] by           who asks, and by which request, see include/events.lua
-- ARGV[4..] eight for each session:
--   session
--   token_end_ms       end of the lease in the caller's session token, or '' without a valid token
--   token_holder       the token's, or ''
--   token_machine      the token's, or ''
--   token_acquired_ms  the token's, or ''
--   token_kind         the token's, or ''
--   token_facts        the token's, or ''
--   is_cleared         1 if the records do not say that it ended, else ''
--
-- returns {'OK', now_ms, ttl_seconds, heartbeat_seconds, offline_grace_days, offline_start_days, version, entitlements,
--          answer, answer, …} in the order of the sessions;
--         answer is {'REVIVED'|'RENEWED', packed} or {'ENDED', why} or {'NO_ROOM'} or {'FORGOTTEN'}
-- returns {'UNKNOWN_LICENSE'}, {'WRONG_KEY'}, {'NOT_YOURS'}, {'SUSPENDED'}, {'EXPIRED'}
-- returns {'TOO_OFTEN', retry_after_seconds}
--
-- @include clock
-- @include license
-- @include caller
-- @include enter
-- @include gone
-- @include sessions
-- @include beats
-- @include grant

local proof = ARGV[2]
local by = ARGV[3]

-- The highest `max_sessions` (plans.ts). More would come together if each hour's programs expired, were revived, expired
-- and so on, until a script could not end their seat.
local MOST_PROGRAMS = 64

local caller = read_caller(proof)
local now_ms = read_clock_ms()

local function read_stored(id)
  return redis.call('HGET', held_key, id)
end

local first = ARGV[4]
local character = first and character_of(living_session(caller, first, read_stored(first), now_ms), first) or ''
local license, refusal = enter(caller, { character }, now_ms)
refusal = refusal or first and pace(license, caller, character, now_ms) or trouble_of(license, now_ms)
if refusal then
  return leave(refusal)
end

-- The session as its token describes it, or nil if the token is too old to revive it.
local function revivable(id, at)
  local token_end_ms = tonumber(ARGV[at + 1])
  if not token_end_ms or token_end_ms + MEMORY_MS <= now_ms or ARGV[at + 5] == 'l' then
    return nil
  end
  return { id = id, holder = ARGV[at + 2], machine = ARGV[at + 3], acquired_ms = tonumber(ARGV[at + 4]),
    kind = ARGV[at + 5], facts = ARGV[at + 6], end_ms = lease_end_ms(license, now_ms, 0) }
end

local function revive(id, at)
  local packed = read_stored(id)
  local living = living_session(caller, id, packed, now_ms, ARGV[at + 6])
  if living then
    extend(license, living, ARGV[at + 6], now_ms)
    put_session({ holder = living.holder }, living, false)
    return { 'RENEWED', pack(living) }
  end
  local stored = unpack_session(id, packed)
  -- A session of another user gets the answer of an unknown one, and so does one that nothing shows to be the caller's.
  if stored and stored.end_ms > now_ms or not can_access(caller, ARGV[at + 6]) then
    return { 'ENDED', 'unknown' }
  end
  local why = stored and stored.end_ms + MEMORY_MS > now_ms and 'expired' or read_gone(id, now_ms)
  if why == 'released' or why == 'evicted' then
    return { 'ENDED', why }
  end
  local session = revivable(id, at)
  if not session then
    return { 'ENDED', why or 'unknown' }
  end
  if not why and ARGV[at + 7] ~= '1' then
    return { 'FORGOTTEN' }
  end
  -- Seats were counted by another unit when its token was issued.
  if stored and stored.holder ~= session.holder then
    collect_dead(license, { read_seat(stored.holder, now_ms) }, now_ms)
  end
  local seat = read_seat(session.holder, now_ms)
  collect_dead(license, { seat }, now_ms)
  local active = count_active_besides(seat, license.limit, now_ms)
  if not has_room(seat, active, license.limit) or count_programs(seat) >= MOST_PROGRAMS then
    return { 'NO_ROOM' }
  end
  redis.call('ZREM', gone_key, id)
  grant(license, seat, session, active, 'session.revived', by, now_ms)
  return { 'REVIVED', pack(session) }
end

local answers = with_rhythm({ 'OK', now_ms }, license)
answers[#answers + 1] = license.entitlements
for i = 4, #ARGV, 8 do
  answers[#answers + 1] = revive(ARGV[i], i)
end
return leave(answers)
