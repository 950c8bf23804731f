-- which-seated: tells which of some sessions of a license hold a seat now.
--
-- Promise: changes nothing, and asks for no entitlement copy: leases are there or not, whatever else was lost.
--
-- ARGV[1] license_id
-- ARGV[2..] sessions
--
-- returns {'OK', seated, seated, …} in the order of the sessions, 1 for one that holds a seat and 0 for any other
--
-- @include keys
-- @include clock

local now_ms = read_clock_ms()
local answer = { 'OK' }
for i = 2, #ARGV do
  local expiry = redis.call('ZSCORE', lease_key, ARGV[i])
  answer[#answer + 1] = expiry and tonumber(expiry) > now_ms and 1 or 0
end
return answer
