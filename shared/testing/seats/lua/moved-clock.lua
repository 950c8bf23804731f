-- Replaces include/clock.lua in tests on a real redis-server, whose TIME cannot be changed: milliseconds since the
-- epoch from a key that the test sets, which is in the slot of the script's keys. The rest of each script is as shipped.
local function read_clock_ms()
  return tonumber(redis.call('GET', 'moved_clock_ms:' .. string.match(KEYS[1], '{.-}')))
end
