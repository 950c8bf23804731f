-- restore: restores what Redis has lost of a license: bars, loans and the entitlement copy.
--
-- Promise: what Redis still has is not changed, except that an older copy is replaced and a shorter bar or loan is
-- extended. The copy comes last, so no seat is granted before the loans have theirs. If the whole pool was lost, loans
-- need no room: their seats were held before. Otherwise a loan joins its holder's seat or takes a free one. A restored
-- loan appends no event. If there are more seats in use than the stored copy has, the newest of them end; see
-- include/excess.lua.
--
-- KEYS license held seats gone loans signed signers due copies barred outbox
--
-- ARGV[1] license_id
-- ARGV[2] version
-- ARGV[3] event       that reports the change, see include/copy.lua, or '' to append none (a restored copy is not one)
-- ARGV[4] is_last     1 if no loans follow in another call, else ''; the copy is stored by the last call
-- ARGV[5] needs_room  as the previous call for this license returned it, or '' for the first
-- ARGV[6] fields      how many of ARGV follow as field, value, field, value …: the whole entitlement
-- ARGV[7] bars        how many bars follow then, as user, until_ms
-- ARGV[8..] the fields; the bars; and for each loan: session, holder, machine, acquired_ms, end_ms, facts
--
-- returns {'RESTORED', is_copy_stored, needs_room, session, outcome, session, …}  for each loan; outcome: 1 it has a
--         seat again, 0 there is no room, 2 it never lost its seat, or it has ended; is_copy_stored: 2 if more seats must
--         end before: call again
--
-- @include clock
-- @include copy
-- @include excess
-- @include gone
-- @include sessions

local version = ARGV[2]
local event = ARGV[3]
local is_last = ARGV[4] == '1'
local fields = { unpack(ARGV, 8, 7 + tonumber(ARGV[6])) }
local first_bar = 8 + #fields
local first_loan = first_bar + 2 * tonumber(ARGV[7])

local now_ms = read_clock_ms()
local entitlement = license_of(fields)

for i = first_bar, first_loan - 1, 2 do
  if tonumber(ARGV[i + 1]) > now_ms then
    redis.call('ZADD', barred_key, 'GT', ARGV[i + 1], entitlement.tenant_id .. ':' .. ARGV[i])
  end
end

local stored_version, stored_limit = read_version()
local limit = stored_limit or entitlement.limit
local needs_room = ARGV[5] == '1' or ARGV[5] == '' and (stored_version or count_active(now_ms) > 0)

local function seat_loan(at)
  local loan = { id = ARGV[at], holder = ARGV[at + 1], machine = ARGV[at + 2], acquired_ms = tonumber(ARGV[at + 3]),
    end_ms = tonumber(ARGV[at + 4]), facts = ARGV[at + 5], kind = 'l' }
  local why = read_gone(loan.id, now_ms)
  if loan.end_ms <= now_ms or why == 'released' or why == 'evicted' then
    return 2
  end
  local seat = read_seat(loan.holder, now_ms)
  for _, session in ipairs(seat.living) do
    if session.id == loan.id then
      if session.end_ms < loan.end_ms then
        session.end_ms = loan.end_ms
        put_session(seat, session, false)
        note_loan(loan.holder, loan.end_ms)
      end
      return 2
    end
  end
  if not seat.living[1] and needs_room and count_active_besides(seat, limit, now_ms) >= limit then
    return 0
  end
  collect_dead(entitlement, { seat }, now_ms)
  note_due(loan.end_ms, now_ms)
  put_session(seat, loan, true)
  note_loan(loan.holder, loan.end_ms)
  return 1
end

local answer = { 'RESTORED', 0, needs_room and 1 or 0 }
for i = first_loan, #ARGV, 6 do
  answer[#answer + 1] = ARGV[i]
  answer[#answer + 1] = seat_loan(i)
end
if not is_last then
  return answer
end
redis.call('ZADD', copies_key, '0', license_id)
if not stored_version or tonumber(stored_version) < tonumber(version) then
  answer[2] = store_reducing(entitlement, version, event, fields, now_ms) and 1 or 2
elseif stored_version == version then
  append_change_event(event)
end
return answer
