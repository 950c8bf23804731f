-- Redis' own clock is the only clock of a lease: function instances disagree about the time, Redis does not.
local function read_clock_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
