-- @include keys
-- @include digits

-- How often a license may be asked: GCRA (ITU-T I.371), which needs one number for each kind of call and no timer. The
-- number is when the calls so far would have been due, had they come evenly (microseconds since the epoch, a field of
-- the license's hash). A call may come up to a minute before it is due: so a minute's worth may come at once.
local BURST_US = 60000000

-- A key is typed, or it is guessed.
local STRANGERS_PER_MINUTE = 20

-- Counts a call, or, where it comes too soon, changes nothing and gives the whole seconds to wait.
local function charge(license, bucket, per_minute, now_ms)
  if not per_minute then
    return nil
  end
  local now_us = now_ms * 1000
  -- No further ahead than a bucket can be filled: a clock that was set back shuts nobody out.
  local due_us = math.min(math.max(license[bucket], now_us), now_us + BURST_US)
  local next_us = due_us + math.floor(BURST_US / per_minute)
  local early_us = next_us - now_us - BURST_US
  if early_us > 0 then
    return math.ceil(early_us / 1000000)
  end
  redis.call('HSET', license_key, bucket, digits(next_us))
  return nil
end
