-- @include keys
-- @include digits

-- The request limit of a license: GCRA (ITU-T I.371), which needs one number per kind of call and no timer. The number
-- is when the next call would be due if calls came evenly (microseconds since the epoch, a field of the license's
-- hash). A call can come up to a minute before it is due, so a minute's worth of calls can come at once.
local BURST_US = 60000000

-- Calls per minute of callers without access, such as those with a mistyped or guessed key.
local STRANGERS_PER_MINUTE = 20

-- Counts a call, or, if it comes too soon, changes nothing and returns the whole seconds to wait.
local function charge(license, bucket, per_minute, now_ms)
  if not per_minute then
    return nil
  end
  local now_us = now_ms * 1000
  -- At most one full bucket ahead, so that a clock that was set back locks out no caller.
  local due_us = math.min(math.max(license[bucket], now_us), now_us + BURST_US)
  local next_us = due_us + math.floor(BURST_US / per_minute)
  local early_us = next_us - now_us - BURST_US
  if early_us > 0 then
    return math.ceil(early_us / 1000000)
  end
  redis.call('HSET', license_key, bucket, digits(next_us))
  return nil
end
