-- expire: makes known what has come to its end in pools of one shard: leases that ran out, and minutes in which seats
-- were refused.
--
-- Promise: a lease that has ended is told of once, whoever notices first; at most EXPIRE_LIMIT leases a call, and what
-- is left is due again. What is not due costs nothing.
--
-- ARGV[1..] license_id of each pool, at most 32, in the order of their keys
--
-- returns {'OK', now_ms, expired, pending, oldest_position, unknown, due}
--         pending: entries in the outbox; oldest_position: of the first of them, or ''; unknown: licenses that have
--         something due and no entitlement copy; due: licenses to look at next, at most 32
--
-- @include pools
-- @include clock
-- @include digits
-- @include license
-- @include leases
-- @include denials

-- 100 leases block Redis for at most 1.3 ms, which every other client of the database waits for.
local EXPIRE_LIMIT = 64
local MOST_NAMED = 32
local SET_ASIDE_MS = 3600000
-- Leases at the first look into a pool; each that is seen costs, as Redis writes its expiry out in digits.
local FIRST_LOOK = 3

local now_ms = read_clock_ms()
local expired = 0
local unknown = {}

-- Whose tenant nobody here knows cannot be told of. It is put off, so that it keeps back no other.
local function set_aside()
  unknown[#unknown + 1] = license_id
  redis.call('ZADD', due_key, 'XX', digits(now_ms + SET_ASIDE_MS), license_id)
  redis.call('ZADD', denied_due_key, 'XX', digits(now_ms + SET_ASIDE_MS), license_id)
end

-- Soonest expiry (ms) and license, one after the other; licenses in which nobody holds a seat; and those of which no
-- denial is kept. Each is written at once for all.
local soonest, idle, undenied = {}, {}, {}

local function note_next(expiry_ms)
  if expiry_ms then
    soonest[#soonest + 1] = expiry_ms
    soonest[#soonest + 1] = license_id
  else
    idle[#idle + 1] = license_id
  end
end

-- Most pools are seen whole at the first look, so that they need not be asked how many leases there are, nor which runs
-- out next.
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
  turn_to_pool(i)
  local license = read_license_told()
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
    set_aside()
  end
end
-- Whatever was lost of a pool: what is not due must not stay named.
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
name_due(redis.call('ZRANGEBYSCORE', due_key, '-inf', digits(now_ms), 'LIMIT', 0, MOST_NAMED))
-- With LIMIT 0 0 where leases alone fill the list: refused minutes can wait for those.
name_due(redis.call('ZRANGEBYSCORE', denied_due_key, '-inf', digits(now_ms), 'LIMIT', 0, MOST_NAMED - #due))

local oldest = redis.call('XRANGE', outbox_key, '-', '+', 'COUNT', 1)
return { 'OK', now_ms, expired, redis.call('XLEN', outbox_key), oldest[1] and oldest[1][1] or '', unknown, due }
