-- @include digits
-- @include license

-- The request limits of a license: GCRA (ITU-T I.371), which needs one number per counter and no timer. The number is
-- when the next call would be due if calls came evenly (microseconds since the epoch, a field of the license's hash). A
-- call can come up to a minute before it is due, so a minute's worth of calls can come at once.
--
-- A license has 64 counters, one for each first character of a holder's pseudonym, so that one machine that loops slows
-- down few others. Each allows an eighth of the license's requests.
local BURST_US = 60000000
local SHARE_OF_ONE = 8
local LEAST_PER_MINUTE = 30

-- Calls per minute of callers without access, such as those with a mistyped or guessed key.
local STRANGERS_PER_MINUTE = 20

-- Counts a call, or, if it comes too soon, counts nothing and returns the reply that refuses it.
local function charge(license, counter, per_minute, now_ms)
  local now_us = now_ms * 1000
  -- At most one full counter ahead: after the clock was set back, no caller is refused for longer than that step.
  local due_us = math.min(math.max(license.pace[counter], now_us), now_us + BURST_US)
  local next_us = due_us + math.floor(BURST_US / per_minute)
  local early_us = next_us - now_us - BURST_US
  if early_us > 0 then
    return { 'TOO_OFTEN', math.ceil(early_us / 1000000) }
  end
  count(counter, digits(next_us))
  return nil
end

local function charge_stranger(license, now_ms)
  return charge(license, 'strangers', STRANGERS_PER_MINUTE, now_ms)
end

local function charge_holder(license, character, now_ms)
  local per_minute = math.max(LEAST_PER_MINUTE, math.floor(license.requests_per_minute / SHARE_OF_ONE))
  return charge(license, 'p' .. character, per_minute, now_ms)
end
