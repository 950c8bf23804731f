-- read-facts: one page of the sessions of a license whose facts are stored.
--
-- Promise: changes nothing, and needs no entitlement copy. Reads PAGE sessions or a few more; if all facts are shorter
-- than 64 bytes, Redis stores up to 512 of them in a compact form that it returns as a whole. A session that exists
-- from the first page to the last is not missed, and may be returned twice.
--
-- ARGV[1] license_id
-- ARGV[2] part    where to continue: 'seated' for those in the pool, then 'lapsed' for those whose lease expired
-- ARGV[3] cursor  Redis' own cursor within the part; 0 to begin
--
-- returns {'OK', next_part, next_cursor, session, packed, is_seated, session, …}  next_part is '' after the last page;
--         is_seated is 1 for a session that holds a seat now, 0 for any other
--
-- @include keys
-- @include clock

local PAGE = 32

local part = ARGV[2]
local cursor = ARGV[3]

local now_ms = read_clock_ms()
local is_lapsed = part == 'lapsed'
local page
if is_lapsed then
  page = redis.call('HSCAN', lapsed_key, cursor, 'COUNT', PAGE)
else
  page = redis.call('HSCAN', session_key, cursor, 'COUNT', PAGE)
end

local next_part = part
if page[1] == '0' then
  next_part = is_lapsed and '' or 'lapsed'
end
local answer = { 'OK', next_part, page[1] }
for i = 1, #page[2], 2 do
  local expiry = redis.call('ZSCORE', lease_key, page[2][i])
  answer[#answer + 1] = page[2][i]
  answer[#answer + 1] = page[2][i + 1]
  answer[#answer + 1] = expiry and tonumber(expiry) > now_ms and 1 or 0
end
return answer
