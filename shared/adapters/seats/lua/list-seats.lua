-- list-seats: the seats of a license that are held now, the first to end first, with their living sessions.
--
-- Promise: changes nothing, and lists nothing that has expired. A seat that is renewed while pages are read moves to the
-- end: it may be returned twice, but none is missed.
--
-- KEYS license held seats loans
--
-- ARGV[1] license_id
-- ARGV[2] after_end_ms  end of the previous page's last seat, or '' for the first page
-- ARGV[3] after_holder  that seat's holder, or ''
-- ARGV[4] limit         the most seats to return; 0 to count only
--
-- returns {'OK', active, max, overdraft, lent, seat, seat, …}  lent: seats with a loan; seat is {holder, end_ms, session,
--         packed, session, …}, the first acquired first
-- returns {'UNKNOWN_LICENSE'}
--
-- @include clock
-- @include digits
-- @include sessions
-- @include walk

local after_end_ms = tonumber(ARGV[2])
local after_holder = ARGV[3]
local limit = tonumber(ARGV[4])

local v, max, overdraft = unpack(redis.call('HMGET', license_key, 'v', 'max', 'overdraft'))
if v ~= '1' then
  return { 'UNKNOWN_LICENSE' }
end
local now_ms = read_clock_ms()
local answer = { 'OK', count_active(now_ms), tonumber(max), tonumber(overdraft), count_lent(now_ms) }
if limit == 0 then
  return answer
end

local rank
if after_end_ms and after_end_ms > now_ms then
  rank = rank_after(after_end_ms, after_holder)
else
  rank = redis.call('ZCOUNT', seats_key, '-inf', digits(now_ms))
end
local holders, ends = seats_from(rank, limit)
local seats = holders[1] and read_seats(holders, now_ms) or {}
for i, seat in ipairs(seats) do
  table.sort(seat.living, by_start)
  local row = { seat.holder, ends[i] }
  for _, session in ipairs(seat.living) do
    row[#row + 1] = session.id
    row[#row + 1] = pack(session)
  end
  answer[#answer + 1] = row
end
return answer
