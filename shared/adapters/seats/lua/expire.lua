-- expire: appends events for what has expired in pools of one shard: leases, and minutes in which seats were denied.
--
-- Promise: an expired lease is reported once, whichever script notices it first. A call ends at most EXPIRE_LIMIT
-- leases; the rest stays due. What is not due costs nothing.
--
-- ARGV[1..] license_id of each pool, at most 32, in the order of their keys
--
-- returns {'OK', now_ms, expired, pending, oldest_position, unknown, due}
--         pending: entries in the outbox; oldest_position: of the first entry, or ''; unknown: licenses that have
--         something due but no entitlement copy; due: licenses to check next, at most 32
--
-- @include pools
-- @include clock
-- @include digits
-- @include license
-- @include leases
-- @include denials

-- 100 leases block Redis, and with it every other client of the database, for up to 1.3 ms.
local EXPIRE_LIMIT = 64
local MAX_DUE = 32
local POSTPONE_MS = 3600000
-- Leases read first from each pool; each one has a cost, as Redis formats its expiry as digits.
local FIRST_LOOK = 3

local now_ms = read_clock_ms()
local expired = 0
local unknown = {}

-- Without a copy the tenant is unknown, so no event can be written. The next check of the pool is postponed, so that it
-- does not block others.
local function postpone()
  unknown[#unknown + 1] = license_id
  redis.call('ZADD', due_key, 'XX', digits(now_ms + POSTPONE_MS), license_id)
  redis.call('ZADD', denied_due_key, 'XX', digits(now_ms + POSTPONE_MS), license_id)
end

-- Soonest expiry (ms) and license, alternating; licenses without leases; and licenses without stored denials. Each list
-- is written with one command for all pools.
local soonest, idle, undenied = {}, {}, {}

local function note_next(expiry_ms)
  if expiry_ms then
    soonest[#soonest + 1] = expiry_ms
    soonest[#soonest + 1] = license_id
  else
    idle[#idle + 1] = license_id
  end
end

-- Most pools are read completely by the first read, so that neither the number of leases nor the next expiry must be
-- read separately.
local function expire_pool(license, limit)
  local first = redis.call('ZRANGE', lease_key, 0, FIRST_LOOK - 1, 'WITHSCORES')
  local seen, ended = #first / 2, 0
  while ended < seen and tonumber(first[ended * 2 + 2]) <= now_ms do
    ended = ended + 1
  end
  if ended == FIRST_LOOK or ended > limit then
    local leases = redis.call('ZRANGEBYSCORE', lease_key, '-inf', digits(now_ms), 'WITHSCORES', 'LIMIT', 0, limit)
    lapse(license, leases, now_ms, redis.call('ZCARD', lease_key))
    note_next(redis.call('ZRANGE', lease_key, 0, 0, 'WITHSCORES')[2])
    return #leases / 2
  end
  note_next(first[ended * 2 + 2])
  if ended > 0 then
    lapse(license, { unpack(first, 1, ended * 2) }, now_ms, seen < FIRST_LOOK and seen or redis.call('ZCARD', lease_key))
  end
  return ended
end

local denials = #ARGV > 0 and redis.call('HMGET', denied_key, unpack(ARGV)) or {}
for i = 1, #ARGV do
  select_pool(i)
  local license = read_license_for_events()
  if license then
    if denials[i] then
      flush_denials(license, denials[i], now_ms)
    else
      undenied[#undenied + 1] = license_id
    end
    if expired < EXPIRE_LIMIT then
      expired = expired + expire_pool(license, EXPIRE_LIMIT - expired)
    end
  else
    postpone()
  end
end
-- Also if other keys of a pool were lost: a license with nothing due must not stay in the list.
if soonest[1] then
  redis.call('ZADD', due_key, unpack(soonest))
end
if idle[1] then
  redis.call('ZREM', due_key, unpack(idle))
end
if undenied[1] then
  redis.call('ZREM', denied_due_key, unpack(undenied))
end

local due, named = {}, {}
local function name_due(licenses)
  for _, license in ipairs(licenses) do
    if not named[license] then
      named[license] = true
      due[#due + 1] = license
    end
  end
end
name_due(redis.call('ZRANGEBYSCORE', due_key, '-inf', digits(now_ms), 'LIMIT', 0, MAX_DUE))
-- LIMIT 0 0 if leases alone fill the list: denials then wait for a later call.
name_due(redis.call('ZRANGEBYSCORE', denied_due_key, '-inf', digits(now_ms), 'LIMIT', 0, MAX_DUE - #due))

local oldest = redis.call('XRANGE', outbox_key, '-', '+', 'COUNT', 1)
return { 'OK', now_ms, expired, redis.call('XLEN', outbox_key), oldest[1] and oldest[1][1] or '', unknown, due }
