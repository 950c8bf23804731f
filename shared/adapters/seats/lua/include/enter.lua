-- @include license
-- @include caller
-- @include pace

-- The first step of every script that clients call: the license must be known, and the caller authorised. Returns the
-- license; or, as the second value, the reply that refuses the caller. `characters`: those whose request counters may
-- be charged.
local function enter(caller, characters, now_ms)
  local license = read_license(characters)
  if not license then
    return nil, { 'UNKNOWN_LICENSE' }
  end
  local denied = access_refusal(license, caller, now_ms)
  if denied then
    return nil, charge_stranger(license, now_ms) or { denied }
  end
  return license, nil
end

-- Counts a call of a holder, unless the vendor's own caller makes it. Returns the reply that refuses it, or nil.
local function pace(license, caller, character, now_ms)
  return caller.kind ~= 'trusted' and charge_holder(license, character, now_ms) or nil
end

-- The reply for a license that grants nothing now, or nil.
local function trouble_of(license, now_ms)
  local trouble = standing_of(license, now_ms)
  return trouble and { trouble } or nil
end
