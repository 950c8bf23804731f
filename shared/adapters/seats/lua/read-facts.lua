-- read-facts: one page of the sessions of a license whose facts are stored.
--
-- Promise: changes nothing, and needs no entitlement copy. A session that exists from the first page to the last is not
-- missed, and may be returned twice.
--
-- KEYS held seats
--
-- ARGV[1] license_id
-- ARGV[2] after_end_ms  where the previous page ended, or '' to begin
-- ARGV[3] after_holder  the last seat of that page, or ''
--
-- returns {'OK', last_end_ms, last_holder, session, packed, is_living, session, …}  last_holder is '' after the last
--         page; is_living is 1 for a session that lives now, 0 for any other
--
-- @include clock
-- @include sessions
-- @include walk

local after_end_ms = tonumber(ARGV[2])
local after_holder = ARGV[3]

local SEATS_A_PAGE = 32

local now_ms = read_clock_ms()
local rank = after_end_ms and rank_after(after_end_ms, after_holder) or 0
local holders, ends = seats_from(rank, SEATS_A_PAGE)
local is_last = #holders < SEATS_A_PAGE
local answer = { 'OK', ends[#ends] or 0, is_last and '' or holders[#holders] }
for _, seat in ipairs(holders[1] and read_seats(holders, now_ms) or {}) do
  for is_dead, part in ipairs({ seat.living, seat.dead }) do
    for _, session in ipairs(part) do
      answer[#answer + 1] = session.id
      answer[#answer + 1] = pack(session)
      answer[#answer + 1] = is_dead == 1 and 1 or 0
    end
  end
end
return answer
