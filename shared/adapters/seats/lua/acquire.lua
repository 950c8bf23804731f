-- acquire: gives a program a session on its holder's seat, or returns why not.
--
-- Promise: there are never more than max + overdraft seats; a holder has one; a living session is only extended, so a
-- retry appends no second event. Sessions of the same seat are not touched, unless their lease has expired. A call
-- that exceeds the request limit changes nothing.
--
-- KEYS license held seats gone loans due outbox barred?
--
-- ARGV[1] license_id
-- ARGV[2] proof    see include/caller.lua
-- ARGV[3] session  the session to use
-- ARGV[4] kind     'i': the session is derived from the program's instance; 'm': the session is new, and used only if
--                  the machine has no such session on its seat
-- ARGV[5] machine  pseudonym of the program's machine
-- ARGV[6] by_machine  holder if seats are counted by machine
-- ARGV[7] by_user     holder if seats are counted by user, or ''
-- ARGV[8] by_process  holder if seats are counted by process, or ''
-- ARGV[9] facts    what the client reports about itself, stored as it is
-- ARGV[10] offline_since  when the program started without the server (ms), or ''
-- ARGV[11] by       who asks, and by which request, see include/events.lua
--
-- returns {'GRANTED'|'RENEWED'|'JOINED', session, packed, now_ms, active, max, entitlements, ttl_seconds,
--          heartbeat_seconds, offline_grace_days, offline_start_days, version}
-- returns {'FULL', active, max, retry_after_seconds}
-- returns {'SESSIONS_EXHAUSTED', max_sessions}
-- returns {'SESSION_ENDED', why}
-- returns {'HOLDER_REQUIRED', unit}
-- returns {'UNKNOWN_LICENSE'}, {'WRONG_KEY'}, {'NOT_YOURS'}, {'SUSPENDED'}, {'EXPIRED'}
-- returns {'TOO_OFTEN', retry_after_seconds}
--
-- @include clock
-- @include holder
-- @include license
-- @include caller
-- @include sessions
-- @include denials
-- @include grant

local session = ARGV[3]
local kind = ARGV[4]
local machine = ARGV[5]
local facts = ARGV[9]
local offline_since = ARGV[10]
local by = ARGV[11]

local holder_by_unit = { machine = ARGV[6], user = ARGV[7], process = ARGV[8] }
local now_ms = read_clock_ms()
local license, holder, refusal = enter_as_holder(read_caller(ARGV[2]), holder_by_unit, machine, now_ms)
if refusal then
  return leave(refusal)
end

-- An instance is found by its session; a machine only among the sessions of its seat.
local fields = kind == 'i' and { holder, session } or { holder }
local list, packed = unpack(redis.call('HMGET', held_key, unpack(fields)))
local own = unpack_session(session, packed)
if own and own.end_ms > now_ms then
  return leave(renew(license, { holder = own.holder }, own, facts, lease_end_ms(license, now_ms, own.end_ms), now_ms))
end

-- Seats were counted by another unit when it was acquired.
if own and own.holder ~= holder then
  collect_dead(license, { read_seat(own.holder, now_ms) }, now_ms)
end

local seat = read_seat(holder, now_ms, list or '')
own = kind == 'm' and find_own(seat, kind, machine)
if own then
  return leave(renew(license, seat, own, facts, lease_end_ms(license, now_ms, own.end_ms), now_ms))
end
collect_dead(license, { seat }, now_ms)

if seat.living[1] and count_programs(seat) >= license.max_sessions then
  return leave({ 'SESSIONS_EXHAUSTED', license.max_sessions })
end
local active = count_active(now_ms)
if not has_room(seat, active, license.limit) then
  return leave(refuse_full(license, session, active, now_ms))
end
local why = read_gone(session, now_ms)
if why == 'released' or why == 'evicted' then
  return leave({ 'SESSION_ENDED', why })
end
if why then
  redis.call('ZREM', gone_key, session)
end
local granted = { id = session, holder = holder, machine = machine, kind = kind, acquired_ms = now_ms, facts = facts,
  end_ms = lease_end_ms(license, now_ms, 0) }
return leave(grant(license, seat, granted, active, why and 'session.revived' or 'session.acquired', by, now_ms,
  offline_fields(offline_since, now_ms)))
