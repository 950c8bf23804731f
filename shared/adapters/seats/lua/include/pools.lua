-- @include keys

-- Scripts on several licenses of a shard get the keys of one pool after the other, in the order of the licenses in
-- ARGV. After this, every key and `license_id` belongs to the pool at `position`.
local function select_pool(position)
  local first = 8 + (position - 1) * 8
  license_key = KEYS[first]
  lease_key = KEYS[first + 1]
  holder_key = KEYS[first + 2]
  session_key = KEYS[first + 3]
  ended_key = KEYS[first + 4]
  lapsed_key = KEYS[first + 5]
  borrowed_key = KEYS[first + 6]
  signed_key = KEYS[first + 7]
  license_id = ARGV[position]
end
