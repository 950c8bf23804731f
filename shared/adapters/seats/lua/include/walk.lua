-- @include digits

-- Walks over the seats of a license go in the order of their ends: a seat that is extended meanwhile moves to the end, so
-- none is missed.

-- The rank of the first seat after this one, which may have moved or ended. Many can have the same end, ordered by
-- holder, so the place is found by binary search.
local function rank_after(end_ms, holder)
  local first = redis.call('ZCOUNT', seats_key, '-inf', '(' .. digits(end_ms))
  local beyond = first + redis.call('ZCOUNT', seats_key, digits(end_ms), digits(end_ms))
  while first < beyond do
    local middle = math.floor((first + beyond) / 2)
    if redis.call('ZRANGE', seats_key, middle, middle)[1] <= holder then
      first = middle + 1
    else
      beyond = middle
    end
  end
  return first
end

-- At most `limit` seats from this rank: their holders, and their ends (ms).
local function seats_from(rank, limit)
  local flat = redis.call('ZRANGE', seats_key, rank, rank + limit - 1, 'WITHSCORES')
  local holders, ends = {}, {}
  for i = 1, #flat, 2 do
    holders[#holders + 1] = flat[i]
    ends[#ends + 1] = tonumber(flat[i + 1])
  end
  return holders, ends
end
