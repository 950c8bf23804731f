-- Leases use only Redis' own clock: the clocks of function instances differ.
local function read_clock_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
