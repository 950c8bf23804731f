-- @include enter

-- Enters for a program that wants a seat. The license's unit decides which of the holders counts. Returns the license
-- and the holder; or, as the third value, the reply that refuses the caller.
local function enter_as_holder(caller, holder_by_unit, machine, now_ms)
  local characters = { string.sub(machine, 1, 1) }
  for _, holder in pairs(holder_by_unit) do
    if holder ~= '' then
      characters[#characters + 1] = string.sub(holder, 1, 1)
    end
  end
  local license, refusal = enter(caller, characters, now_ms)
  if refusal then
    return nil, nil, refusal
  end
  local holder = holder_by_unit[license.unit]
  local character = string.sub(holder == '' and machine or holder, 1, 1)
  refusal = pace(license, caller, character, now_ms) or trouble_of(license, now_ms)
  if not refusal and holder == '' then
    refusal = { 'HOLDER_REQUIRED', license.unit }
  end
  return license, holder, refusal
end
