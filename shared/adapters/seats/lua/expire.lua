-- expire: appends the events that are due in pools of one shard: ends of seats, and minutes in which seats were denied.
--
-- Promise: an expired session is reported once, whichever script notices it first. A call ends seats with at most
-- EXPIRE_LIMIT sessions, and one seat more; the rest stays due. A license with nothing due costs one command.
--
-- KEYS due outbox | license held seats gone loans signed signers
--
-- ARGV[1..] three for each, at most 32, in the order of their keys:
--   license_id
--   what        's' seats, 'd' denials
--   due_ms      when it was due, as this script returned it
--
-- returns {'OK', now_ms, expired, pending, oldest_position, unknown, due}
--         pending: entries in the outbox; oldest_position: of the first entry, or ''; unknown: licenses that have
--         something due but no entitlement copy; due: what to check next, at most 32, as {license_id, what, due_ms, …}
--
-- @include backlog
-- @include clock
-- @include digits
-- @include license
-- @include sessions
-- @include denials
-- @include signed

-- 100 sessions block Redis, and with it every other client of the database, for up to 1.3 ms.
local EXPIRE_LIMIT = 64
local MAX_DUE = 32
local FORGET_LIMIT = 512
local POSTPONE_MS = 3600000

local now_ms = read_clock_ms()
local expired = 0
local unknown = {}

-- When to look again, and what needs no look: member and time for all pools, written with one command each.
local later, idle = {}, {}

local function look_again(member, at_ms)
  later[#later + 1] = digits(at_ms)
  later[#later + 1] = member
end

-- Without a copy the tenant is unknown, so no event can be written. The next check is postponed, so that it does not
-- block others.
local function postpone(member)
  unknown[#unknown + 1] = license_id
  look_again(member, now_ms + POSTPONE_MS)
end

-- Deletes what has been remembered long enough, at most FORGET_LIMIT of each kind. Returns whether there will be more to
-- delete; and, as the second value, whether there may be more now.
local function forget_old()
  if redis.call('EXISTS', gone_key, signers_key) == 0 then
    return false, false
  end
  local marks = redis.call('ZRANGEBYSCORE', gone_key, '-inf', digits(now_ms * 4 + 3), 'LIMIT', 0, FORGET_LIMIT)
  if marks[1] then
    redis.call('ZREM', gone_key, unpack(marks))
  end
  local old = redis.call('ZRANGEBYSCORE', signers_key, '-inf', digits(now_ms), 'LIMIT', 0, FORGET_LIMIT)
  for _, signer in ipairs(old) do
    local holder, place = string.match(signer, '^([^:]*):(.*)$')
    local signed = read_signed(holder)
    signed[place] = nil
    write_signed(holder, signed)
  end
  if old[1] then
    redis.call('ZREM', signers_key, unpack(old))
  end
  return redis.call('EXISTS', gone_key, signers_key) > 0, #marks == FORGET_LIMIT or #old == FORGET_LIMIT
end

-- Ends seats, the first to end first, until EXPIRE_LIMIT.
local function expire_seats(license)
  local holders = redis.call('ZRANGEBYSCORE', seats_key, '-inf', digits(now_ms), 'LIMIT', 0, EXPIRE_LIMIT)
  local lists = redis.call('HMGET', held_key, unpack(holders))
  local some, some_lists, sessions = {}, {}, 0
  for i, holder in ipairs(holders) do
    if expired + sessions >= EXPIRE_LIMIT then
      break
    end
    some[i] = holder
    some_lists[i] = lists[i]
    local _, words = string.gsub(lists[i] or '', '%S+', '')
    sessions = sessions + words
  end
  if some[1] then
    local seats = read_seats(some, now_ms, some_lists)
    -- If a part of a seat was lost, its end can be wrong: it would stay due.
    for _, seat in ipairs(seats) do
      if seat.living[1] then
        redis.call('ZADD', seats_key, digits((ends_of(seat.living))), seat.holder)
      elseif not seat.dead[1] then
        remove_sessions(seat, {}, now_ms)
        redis.call('ZREM', loans_key, seat.holder)
      end
    end
    expired = expired + collect_dead(license, seats, now_ms)
  end
end

local function check_seats(due_ms)
  local first = redis.call('ZRANGE', seats_key, 0, 0, 'WITHSCORES')
  local first_ms = tonumber(first[2])
  if first_ms and first_ms <= now_ms then
    local license = read_license_for_events()
    if not license then
      return postpone(license_id)
    end
    expire_seats(license)
    first_ms = tonumber(redis.call('ZRANGE', seats_key, 0, 0, 'WITHSCORES')[2])
  end
  local next_ms = math.min(first_ms or math.huge, now_ms + LOOK_EVERY_MS)
  -- One of the looks of each hour also forgets.
  if not first_ms or math.floor(due_ms / LOOK_EVERY_MS) < math.floor(next_ms / LOOK_EVERY_MS) then
    local has_more, is_unfinished = forget_old()
    if not first_ms and not has_more then
      idle[#idle + 1] = license_id
      return
    end
    -- It stays due, and so a look of its hour, until the rest is forgotten too.
    next_ms = is_unfinished and due_ms or next_ms
  end
  look_again(license_id, next_ms)
end

local function check_denials()
  local member = 'd' .. license_id
  local field = redis.call('HMGET', license_key, 'v', 'tenant_id', 'max', 'denied')
  if field[1] ~= '1' then
    return postpone(member)
  end
  local minute, denials = unpack_denials(field[4])
  if minute and tonumber(minute) >= math.floor(now_ms / 60000) then
    return look_again(member, (tonumber(minute) + 1) * 60000)
  end
  if minute then
    append_denials({ tenant_id = field[2], max = field[3] }, minute, denials)
    redis.call('HDEL', license_key, 'denied')
  end
  idle[#idle + 1] = member
end

for i = 1, #ARGV, 3 do
  select_pool((i + 2) / 3, ARGV[i])
  if ARGV[i + 1] == 'd' then
    check_denials()
  else
    check_seats(tonumber(ARGV[i + 2]))
  end
end
if later[1] then
  redis.call('ZADD', due_key, unpack(later))
end
if idle[1] then
  redis.call('ZREM', due_key, unpack(idle))
end

local due = {}
local listed = redis.call('ZRANGEBYSCORE', due_key, '-inf', digits(now_ms), 'WITHSCORES', 'LIMIT', 0, MAX_DUE)
for i = 1, #listed, 2 do
  local is_denial = string.sub(listed[i], 1, 1) == 'd'
  due[#due + 1] = is_denial and string.sub(listed[i], 2) or listed[i]
  due[#due + 1] = is_denial and 'd' or 's'
  due[#due + 1] = tonumber(listed[i + 1])
end

local pending, oldest_position = read_backlog()
return { 'OK', now_ms, expired, pending, oldest_position, unknown, due }
