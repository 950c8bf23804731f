-- which-seated: returns which of the given sessions of a license hold a seat now.
--
-- Promise: changes nothing, and needs no entitlement copy: it reads only leases, whatever else was lost.
--
-- ARGV[1] license_id
-- ARGV[2..] sessions
--
-- returns {'OK', seated, seated, …} in the order of the sessions: 1 if it holds a seat, 0 if not
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
