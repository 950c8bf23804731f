-- borrow: lends a holder a seat for days: a session of its own, which needs no heartbeat.
--
-- Promise: there are never more than max + overdraft seats, and never more borrowed seats than allowed; a seat and
-- machine has one loan, which is never shortened, and is extended unless loans exceed a limit that was reduced. Other sessions of the seat are not touched, unless their
-- lease has expired. A call that exceeds the request limit changes nothing.
--
-- KEYS license held seats gone loans due outbox barred?
--
-- ARGV[1] license_id
-- ARGV[2] proof    see include/caller.lua
-- ARGV[3] session  new; used only if the machine has no loan on its seat
-- ARGV[4] days     1 or more
-- ARGV[5] machine  pseudonym of the machine
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
-- returns {'HOLDER_REQUIRED', unit}
-- returns {'BORROW_TOO_LONG', max_days}
-- returns {'BORROW_LIMIT', borrowed, borrowable}
-- returns {'SESSIONS_EXHAUSTED', max_loans}  the seat has that many loans
-- returns {'UNKNOWN_LICENSE'}, {'WRONG_KEY'}, {'NOT_YOURS'}, {'SUSPENDED'}, {'EXPIRED'}
-- returns {'TOO_OFTEN', retry_after_seconds}
--
-- @include clock
-- @include holder
-- @include digits
-- @include license
-- @include caller
-- @include sessions
-- @include denials
-- @include grant

local session = ARGV[3]
local days = tonumber(ARGV[4])
local machine = ARGV[5]
local facts = ARGV[9]
local offline_since = ARGV[10]
local by = ARGV[11]

local DAY_MS = 86400000
-- A loan whose end moves by less than this is a retry: it changes nothing and is reported once.
local SAME_REQUEST_MS = 60000
-- A user can borrow for several machines, and they share a seat.
local MAX_LOANS = 64

local holder_by_unit = { machine = ARGV[6], user = ARGV[7], process = ARGV[8] }
local now_ms = read_clock_ms()
local license, holder, refusal = enter_as_holder(read_caller(ARGV[2]), holder_by_unit, machine, now_ms)
if refusal then
  return leave(refusal)
end
if days > license.borrow_max_days then
  return leave({ 'BORROW_TOO_LONG', license.borrow_max_days })
end

local wanted_ms = within_license(license, now_ms + days * DAY_MS)

local function loan_fields(until_ms)
  return { 'borrowed_until_ms', digits(until_ms), unpack(offline_fields(offline_since, now_ms)) }
end

local seat = read_seat(holder, now_ms)
local own = find_own(seat, 'l', machine)
if own then
  if wanted_ms < own.end_ms + SAME_REQUEST_MS then
    return leave(renew(license, seat, own, facts, own.end_ms, now_ms))
  end
  local active = count_active(now_ms)
  if not has_room(seat, active, license.limit) then
    return leave(refuse_full(license, session, active, now_ms))
  end
  note_loan(holder, wanted_ms)
  local reply = renew(license, seat, own, facts, wanted_ms, now_ms)
  append_session_event(license, 'session.borrowed', own, now_ms, by, 'kept', active, loan_fields(wanted_ms))
  return leave(reply)
end

collect_dead(license, { seat }, now_ms)
local active = count_active(now_ms)
if not has_room(seat, active, license.limit) then
  return leave(refuse_full(license, session, active, now_ms))
end
local loans = 0
for _, living in ipairs(seat.living) do
  loans = loans + (living.kind == 'l' and 1 or 0)
end
if loans >= MAX_LOANS then
  return leave({ 'SESSIONS_EXHAUSTED', MAX_LOANS })
end
if loans == 0 then
  local borrowed = count_lent(now_ms)
  local borrowable = math.max(0, license.max - license.borrow_low_water)
  if borrowed >= borrowable then
    return leave({ 'BORROW_LIMIT', borrowed, borrowable })
  end
end
note_loan(holder, wanted_ms)
local lent = { id = session, holder = holder, machine = machine, kind = 'l', acquired_ms = now_ms, facts = facts,
  end_ms = wanted_ms }
return leave(grant(license, seat, lent, active, 'session.borrowed', by, now_ms, loan_fields(wanted_ms)))
