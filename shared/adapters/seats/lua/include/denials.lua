-- @include keys
-- @include digits
-- @include events

-- Denials become one event per license and minute, so that a client that keeps calling a full pool costs a counter and
-- no flood of events. Packed: minute since the epoch, its denials, and the session proposed last (so that an immediate
-- retry counts once).
local function flush_denials(license, packed, now_ms)
  local minute, count = string.match(packed or '', '^(%d+) (%d+)')
  if minute and tonumber(minute) >= math.floor(now_ms / 60000) then
    return
  end
  if minute then
    append_event(license, 'seat.denied', '', tonumber(minute) * 60000, { 'count', count, 'max', license.max })
    redis.call('HDEL', denied_key, license_id)
  end
  redis.call('ZREM', denied_due_key, license_id)
end

local function count_denial(license, proposed_session, now_ms)
  flush_denials(license, redis.call('HGET', denied_key, license_id), now_ms)
  local _, count, last = string.match(redis.call('HGET', denied_key, license_id) or '', '^(%d+) (%d+) (.*)$')
  if last ~= proposed_session then
    local minute = math.floor(now_ms / 60000)
    redis.call('HSET', denied_key, license_id,
      digits(minute) .. ' ' .. digits((tonumber(count) or 0) + 1) .. ' ' .. proposed_session)
    redis.call('ZADD', denied_due_key, digits((minute + 1) * 60000), license_id)
  end
end

-- When the first seat becomes free if no client renews. After a pool was made smaller, more than one lease must expire.
-- Read by rank, which costs the same at any position. A pool without seats never has a free one: its clients retry once
-- per TTL, which costs little.
local function seconds_until_room(license, now_ms)
  if license.limit == 0 then
    return license.ttl_seconds
  end
  local rank = redis.call('ZCARD', lease_key) - license.limit
  local lease = redis.call('ZRANGE', lease_key, rank, rank, 'WITHSCORES')
  return math.ceil((tonumber(lease[2]) - now_ms) / 1000)
end
