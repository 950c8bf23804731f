-- Takes the place of include/clock.lua in tests on a real redis-server, whose TIME nobody can move: milliseconds since
-- the epoch out of a key that the test sets. The rest of each script is what is shipped.
local function read_clock_ms()
  return tonumber(redis.call('GET', 'moved_clock_ms'))
end
