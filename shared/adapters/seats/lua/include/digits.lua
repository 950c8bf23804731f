-- Formats whole numbers as digits: Lua's own conversion turns large ones into 1.79e+12 on some builds.
local function digits(number)
  return string.format('%.0f', number)
end
