-- @include license
-- @include clock
-- @include leases
-- @include caller
-- @include pace

-- The first step of every script on a pool: the license must be known, and the caller authorised and within the request
-- limit; then expired leases are collected. `pace`, if given, counts the call and returns the seconds to wait, if any.
-- Returns the license and the time; or, as the third value, the reply that refuses the caller.
local function enter(caller, pace)
  local license = read_license()
  if not license then
    return nil, nil, { 'UNKNOWN_LICENSE' }
  end
  local now_ms = read_clock_ms()
  local denied = access_refusal(license, caller, now_ms)
  local wait_seconds
  if denied then
    wait_seconds = charge(license, 'strangers_us', STRANGERS_PER_MINUTE, now_ms)
  elseif pace and caller.kind ~= 'trusted' then
    wait_seconds = pace(license, now_ms)
  end
  if wait_seconds then
    return nil, nil, { 'TOO_OFTEN', wait_seconds }
  end
  if denied then
    return nil, nil, { denied }
  end
  collect_expired(license, now_ms, COLLECT_LIMIT)
  return license, now_ms, nil
end

-- Like `enter`, for scripts that grant or keep a seat, which also require an active license.
local function enter_for_a_seat(caller, pace)
  local license, now_ms, refusal = enter(caller, pace)
  if refusal then
    return nil, nil, refusal
  end
  local trouble = standing_of(license, now_ms)
  return license, now_ms, trouble and { trouble }
end
