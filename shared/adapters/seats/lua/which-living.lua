-- which-living: returns which of the given sessions of a license live now, and reports those that have expired.
--
-- Promise: a lease that expired beside others of its seat is reported here at the latest, with its true end. Without the
-- entitlement copy nothing can be reported, and the answer is the same.
--
-- KEYS license held seats gone loans due outbox
--
-- ARGV[1] license_id
-- ARGV[2..] sessions
--
-- returns {'OK', living, living, …} in the order of the sessions: 1 if it lives, 0 if not
--
-- @include clock
-- @include license
-- @include sessions

local now_ms = read_clock_ms()
local ids = { unpack(ARGV, 2) }
local packed = ids[1] and redis.call('HMGET', held_key, unpack(ids)) or {}
local answer = { 'OK' }
local holders, is_known = {}, {}
for i, id in ipairs(ids) do
  local session = unpack_session(id, packed[i])
  local is_living = session and session.end_ms > now_ms
  answer[i + 1] = is_living and 1 or 0
  if session and not is_living and not is_known[session.holder] then
    is_known[session.holder] = true
    holders[#holders + 1] = session.holder
  end
end
local license = holders[1] and read_license_for_events()
if license then
  collect_dead(license, read_seats(holders, now_ms), now_ms)
end
return answer
