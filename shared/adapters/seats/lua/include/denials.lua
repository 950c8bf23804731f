-- @include digits
-- @include events
-- @include license

-- Denials become one event per license and minute, so that a client that keeps calling a full pool costs a counter and
-- no flood of events. Packed: minute since the epoch, its denials, and the session denied last (so that an immediate
-- retry counts once).
local function unpack_denials(packed)
  return string.match(packed or '', '^(%d+) (%d+) (.*)$')
end

local function append_denials(license, minute, denials)
  append_event(license, 'seat.denied', '', tonumber(minute) * 60000, SEATS, { 'count', denials, 'max', license.max })
end

-- Tells the sweep when to report the minute. `d` keeps this apart from when leases end.
local function note_denials_due(minute)
  redis.call('ZADD', due_key, 'LT', digits((minute + 1) * 60000), 'd' .. license_id)
end

local function count_denial(license, session, now_ms)
  local now_minute = math.floor(now_ms / 60000)
  local minute, denials, last = unpack_denials(license.denied)
  if minute and tonumber(minute) < now_minute then
    append_denials(license, minute, denials)
    minute = nil
  end
  if not minute then
    note_denials_due(now_minute)
    denials, last = 0, nil
  end
  if last ~= session then
    count('denied', digits(tonumber(minute) or now_minute) .. ' ' .. digits(tonumber(denials) + 1) .. ' ' .. session)
  end
end

-- The reply for a full pool. A seat becomes free when the first one ends, if no client renews; if loans exceed the limit,
-- more than one must end. A pool without seats never has a free one: its clients retry once per TTL.
local function refuse_full(license, session, active, now_ms)
  count_denial(license, session, now_ms)
  local wait_seconds = license.ttl_seconds
  if license.limit > 0 then
    local seat = redis.call('ZRANGEBYSCORE', seats_key, '(' .. digits(now_ms), '+inf', 'WITHSCORES', 'LIMIT',
      active - license.limit, 1)
    wait_seconds = math.ceil((tonumber(seat[2]) - now_ms) / 1000)
  end
  return { 'FULL', active, license.max, wait_seconds }
end
