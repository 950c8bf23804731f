-- @include keys
-- @include clock
-- @include events

-- Bounds what one caller pays for other clients' crashes: 64 took 0.3 ms on redis-server 7.0 where all of 1e5 dead
-- leases took 20 ms. What is left over is skipped by the count and collected by the next calls or the sweep.
local COLLECT_LIMIT = 64

-- How long after its lease ran out a session may be revived, and so how long an ended one is remembered: one more TTL,
-- at most an hour. A session token dies at the same moment, so nothing can revive what has been forgotten.
local LONGEST_MEMORY_MS = 3600000
local function memory_ms(license)
  return math.min(license.ttl_seconds * 1000, LONGEST_MEMORY_MS)
end

-- Packed facts: holder, when acquired (ms), and what the client said about itself, which no script looks into.
local function pack(holder, acquired_ms, facts)
  return holder .. '|' .. acquired_ms .. '|' .. facts
end

local function unpack_facts(packed)
  local holder, acquired_ms, facts = string.match(packed, '^([^|]*)|(%d+)|(.*)$')
  return holder, acquired_ms, facts
end

-- Leases that have ended do not count, collected or not: a seat is free the millisecond its lease ends.
local function count_active(now_ms)
  return redis.call('ZCOUNT', lease_key, '(' .. digits(now_ms), '+inf')
end

local function note_soonest_expiry()
  local soonest = redis.call('ZRANGE', lease_key, 0, 0, 'WITHSCORES')
  if soonest[1] then
    redis.call('ZADD', due_key, soonest[2], license_id)
  else
    redis.call('ZREM', due_key, license_id)
  end
end

local function put_lease(session, holder, packed, expiry_ms)
  redis.call('ZADD', lease_key, digits(expiry_ms), session)
  redis.call('HSET', holder_key, holder, session)
  redis.call('HSET', session_key, session, packed)
end

local function remember_ended(session, forget_at_ms)
  redis.call('ZADD', ended_key, digits(forget_at_ms), session)
end

-- So that a license nobody calls any more leaves nothing behind.
local function bound_memory()
  local last = redis.call('ZRANGE', ended_key, -1, -1, 'WITHSCORES')
  if last[2] then
    redis.call('PEXPIREAT', ended_key, digits(tonumber(last[2])))
    redis.call('PEXPIREAT', lapsed_key, digits(tonumber(last[2])))
  end
end

local function forget_ended(now_ms)
  local forgotten = redis.call('ZRANGEBYSCORE', ended_key, '-inf', digits(now_ms), 'LIMIT', 0, COLLECT_LIMIT)
  if forgotten[1] then
    redis.call('ZREM', ended_key, unpack(forgotten))
    redis.call('HDEL', lapsed_key, unpack(forgotten))
  end
end

-- Takes sessions whose lease has ended out of the pool. `leases` is a flat list of session, expiry (ms).
local function lapse(license, leases, now_ms)
  local sessions, holders = {}, {}
  for i = 1, #leases, 2 do
    sessions[#sessions + 1] = leases[i]
  end
  local packed = redis.call('HMGET', session_key, unpack(sessions))
  for i = 1, #sessions do
    local expiry_ms = tonumber(leases[i * 2])
    holders[i] = unpack_facts(packed[i])
    if expiry_ms + memory_ms(license) > now_ms then
      remember_ended(sessions[i], expiry_ms + memory_ms(license))
      redis.call('HSET', lapsed_key, sessions[i], packed[i])
    end
    append_event(license, 'session.expired', sessions[i], expiry_ms, { 'reason', 'lease_ran_out' })
  end
  redis.call('ZREM', lease_key, unpack(sessions))
  redis.call('HDEL', session_key, unpack(sessions))
  redis.call('HDEL', holder_key, unpack(holders))
  bound_memory()
end

-- First step of every verb.
local function collect_expired(license, now_ms)
  forget_ended(now_ms)
  local leases = redis.call('ZRANGEBYSCORE', lease_key, '-inf', digits(now_ms), 'WITHSCORES', 'LIMIT', 0,
    COLLECT_LIMIT)
  if leases[1] then
    lapse(license, leases, now_ms)
    note_soonest_expiry()
  end
end

-- The expiry (ms) of a session that holds a seat now, or nil. One whose lease has ended but lay beyond the batch above
-- lapses here, so that no verb has to tell a collected lease from an uncollected one.
local function living_expiry_ms(license, session, now_ms)
  local expiry = redis.call('ZSCORE', lease_key, session)
  if not expiry then
    return nil
  end
  if tonumber(expiry) > now_ms then
    return tonumber(expiry)
  end
  lapse(license, { session, expiry }, now_ms)
  note_soonest_expiry()
  return nil
end
