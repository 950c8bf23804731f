-- @include license
-- @include clock
-- @include leases

-- What every verb on a pool begins with: the license must be here and the caller prove it; then what has run out is
-- collected. Gives the license and the time, or, third, the word of the refusal.
local function enter(proof)
  local license = read_license()
  if not license then
    return nil, nil, 'UNKNOWN_LICENSE'
  end
  local now_ms = read_clock_ms()
  if not proves_key(license, proof, now_ms) then
    return nil, nil, 'WRONG_KEY'
  end
  collect_expired(license, now_ms, COLLECT_LIMIT)
  return license, now_ms, nil
end

-- The same for verbs that give or keep a seat, which takes a license in good standing too.
local function enter_for_a_seat(proof)
  local license, now_ms, refusal = enter(proof)
  return license, now_ms, refusal or standing_of(license, now_ms)
end
