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

local now_ms = read_clock_ms()
local expired = 0
local unknown = {}

-- Whose tenant nobody here knows cannot be told of. It is put off, so that it keeps back no other.
local function set_aside()
  unknown[#unknown + 1] = license_id
  redis.call('ZADD', due_key, 'XX', digits(now_ms + SET_ASIDE_MS), license_id)
  redis.call('ZADD', denied_due_key, 'XX', digits(now_ms + SET_ASIDE_MS), license_id)
end

for i = 1, #ARGV do
  turn_to_pool(i)
  local license = read_license()
  if license then
    flush_denials(license, now_ms)
    if expired < EXPIRE_LIMIT then
      local found = collect_expired(license, now_ms, EXPIRE_LIMIT - expired)
      if found == 0 then
        -- Whatever was lost of the pool: what is not due must not stay named.
        note_soonest_expiry()
      end
      expired = expired + found
    end
  else
    set_aside()
  end
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
