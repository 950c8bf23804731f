-- @include digits
-- @include license
-- @include sessions

local function answer(verdict, license, session, active, now_ms)
  return with_rhythm({ verdict, session.id, pack(session), now_ms, active, license.max, license.entitlements }, license)
end

-- As LONGEST_OFFLINE_DAYS in entitlement.ts.
local LONGEST_OFFLINE_MS = 90 * 86400000

-- When the program started without the server, as its own clock says. A clock that is wrong must not cost the seat: a time
-- in the future is recorded as now, and one before any license that could still be valid as the earliest possible.
local function offline_fields(reported, now_ms)
  if reported == '' then
    return {}
  end
  return { 'offline_since_ms', digits(math.max(now_ms - LONGEST_OFFLINE_MS, math.min(tonumber(reported), now_ms))) }
end

-- Extends a living session, with the facts that its client reports now.
local function renew(license, seat, session, facts, end_ms, now_ms)
  session.facts = facts
  session.end_ms = end_ms
  put_session(seat, session, false)
  return answer('RENEWED', license, session, count_active(now_ms), now_ms)
end

-- Adds a session to its holder's seat. `active`: seats in use before. The caller has made sure that there is room.
local function grant(license, seat, session, active, event_type, by, now_ms, more)
  local joins = seat.living[1] ~= nil
  if not joins then
    active = active + 1
    note_due(session.end_ms, now_ms)
  end
  put_session(seat, session, true)
  append_session_event(license, event_type, session, now_ms, by, joins and 'kept' or 'taken', active, more)
  return answer(joins and 'JOINED' or 'GRANTED', license, session, active, now_ms)
end
