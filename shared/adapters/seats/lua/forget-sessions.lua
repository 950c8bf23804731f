-- forget-sessions: ends sessions of a license for good, and deletes everything stored of them.
--
-- Promise: when this returns, those that lived have ended, which is reported once; none of them can be revived, not even
-- by a token. Others of the same seat keep it. What was signed for their holders on their machines is deleted. A retry
-- changes nothing.
--
-- KEYS license held seats gone loans signed signers due outbox
--
-- ARGV[1] license_id
-- ARGV[2..] sessions, at most 32
--
-- returns {'FORGOTTEN'}
-- returns {'UNKNOWN_LICENSE'}  one of them is stored, but its tenant is not known here: nothing changed
--
-- @include clock
-- @include license
-- @include gone
-- @include sessions
-- @include signed

local now_ms = read_clock_ms()
local ids = { unpack(ARGV, 2) }
local packed = ids[1] and redis.call('HMGET', held_key, unpack(ids)) or {}
local license = read_license()
if not license then
  for i, id in ipairs(ids) do
    if unpack_session(id, packed[i]) then
      return { 'UNKNOWN_LICENSE' }
    end
  end
end

-- When the last possible token of a session that Redis has lost can no longer revive it, by the license's terms.
local last_token_ms = now_ms + (license and license.ttl_seconds * 1000 or 0) + MEMORY_MS

local function forget(id)
  -- Read again: the session may have been collected with one before it.
  local session = unpack_session(id, redis.call('HGET', held_key, id))
  if session then
    local seat = read_seat(session.holder, now_ms)
    collect_dead(license, { seat }, now_ms)
    if session.end_ms > now_ms then
      end_sessions(license, seat, { session }, 'evicted', ERASURE, now_ms)
    end
    for _, kind in ipairs({ 'i', 'l' }) do
      delete_signed({ holder = session.holder, machine = session.machine, kind = kind })
    end
  end
  local _, forget_ms = read_gone(id, now_ms)
  mark_gone(id, forget_ms or last_token_ms, 'evicted')
end

for _, id in ipairs(ids) do
  forget(id)
end
return { 'FORGOTTEN' }
