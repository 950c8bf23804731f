-- evict: ends one session, or all sessions of its seat, on behalf of an administrator.
--
-- Promise: when this returns, none of them can be revived; a retry changes nothing. A session that had ended before is
-- left as it is.
--
-- KEYS license held seats gone loans signed signers due outbox
--
-- ARGV[1] license_id
-- ARGV[2] id  of the session
-- ARGV[3] scope  'session', or 'seat' for all sessions of its seat
-- ARGV[4] by  who asks, and by which request, see include/events.lua
--
-- returns {'EVICTED', now_ms, session, packed, session, …}  those that were ended
-- returns {'UNKNOWN_SESSION'}
-- returns {'UNKNOWN_LICENSE'}
--
-- @include clock
-- @include license
-- @include gone
-- @include sessions
-- @include signed

local id = ARGV[2]
local scope = ARGV[3]
local by = ARGV[4]

local license = read_license()
if not license then
  return { 'UNKNOWN_LICENSE' }
end
local now_ms = read_clock_ms()
local session = unpack_session(id, redis.call('HGET', held_key, id))
if not session then
  return read_gone(id, now_ms) and { 'EVICTED', now_ms } or { 'UNKNOWN_SESSION' }
end

local seat = read_seat(session.holder, now_ms)
collect_dead(license, { seat }, now_ms)

local ended = {}
if session.end_ms > now_ms then
  ended = scope == 'seat' and seat.living or { session }
end
-- It ended so long ago that it is not remembered.
if not ended[1] and not read_gone(id, now_ms) then
  return { 'UNKNOWN_SESSION' }
end
if ended[1] then
  table.sort(ended, by_start)
  end_sessions(license, seat, ended, 'evicted', by, now_ms)
  if scope == 'seat' then
    delete_signed_within(session.holder, 0)
  else
    delete_unneeded(license, seat, ended)
  end
end

local answer = { 'EVICTED', now_ms }
for _, each in ipairs(ended) do
  answer[#answer + 1] = each.id
  answer[#answer + 1] = pack(each)
end
return answer
