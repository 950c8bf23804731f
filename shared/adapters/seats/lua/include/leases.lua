-- @include keys
-- @include digits
-- @include events

-- Limits what one call pays for other clients' crashes: with 16, an acquire takes half a millisecond on redis-server
-- 7.0, including events (npm run bench -- size). Further expired leases are not counted, and are collected by the next
-- calls or the sweep.
local COLLECT_LIMIT = 16

-- How long a session can be revived after its lease expired, and so how long an ended one is remembered. The same for
-- every license and constant, because tokens are checked against it too: an end mark must outlive every token of its
-- session, even if the license's terms change meanwhile.
local MEMORY_MS = 3600000

local LEASE_RAN_OUT = { 'reason', 'lease_ran_out' }

-- Packed facts: holder; when acquired (ms); how long after that its holder last acquired it again (ms), 0 for never;
-- the end of the longest lease that was ever shortened (ms), or 0; and what the client reports about itself.
local function pack(holder, acquired_ms, again_ms, promised_ms, facts)
  return holder .. '|' .. acquired_ms .. '|' .. again_ms .. '|' .. promised_ms .. '|' .. facts
end

local function unpack_facts(packed)
  return string.match(packed, '^([^|]*)|(%d+)|(%d+)|(%d+)|')
end

-- What the client reports about itself; most callers do not need it.
local function client_facts(packed)
  return string.match(packed, '^[^|]*|%d+|%d+|%d+|(.*)$')
end

-- Packed facts of a session that has a seat, or can still be revived; false for any other.
local function kept_facts(session)
  return redis.call('HGET', session_key, session) or redis.call('HGET', lapsed_key, session)
end

-- The longest promise to store when a lease moves to a new end. The new end is earlier only if the license's TTL was
-- shortened or the license ends sooner; tokens that prove the longer lease still exist then.
local function longest_promise(promised_ms, expiry_ms, new_expiry_ms)
  if expiry_ms > new_expiry_ms and expiry_ms > tonumber(promised_ms) then
    return digits(expiry_ms)
  end
  return promised_ms
end

-- The time from which no token can revive a session whose lease ends at `expiry_ms`.
local function forget_at_ms(expiry_ms, promised_ms)
  return math.max(expiry_ms, tonumber(promised_ms)) + MEMORY_MS
end

-- Expired leases do not count, collected or not: a seat is free the millisecond its lease ends.
local function count_active(now_ms)
  return redis.call('ZCOUNT', lease_key, '(' .. digits(now_ms), '+inf')
end

local function update_due()
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

-- The fields of every event of a session, so that no event depends on another. `active`: seats in use right after it.
local function append_holder_event(license, type, session, at_ms, holder, acquired_ms, active, more)
  append_event(license, type, session, at_ms, { 'holder', holder, 'acquired_ms', acquired_ms, 'active', active,
    'max', license.max, unpack(more or {}) })
end

local function append_session_event(license, type, session, at_ms, packed, active, more)
  local holder, acquired_ms = unpack_facts(packed)
  append_holder_event(license, type, session, at_ms, holder, acquired_ms, active, more)
end

-- Marks a session as ended for good.
local function mark_ended(session, forget_ms)
  redis.call('HDEL', lapsed_key, session)
  redis.call('ZADD', ended_key, digits(forget_ms), session)
end

-- Lets these keys expire, so that a license without further calls leaves nothing behind.
local function bound_memory_at(forget_ms)
  redis.call('PEXPIREAT', ended_key, forget_ms)
  redis.call('PEXPIREAT', lapsed_key, forget_ms)
end

local function bound_memory()
  local last = redis.call('ZRANGE', ended_key, -1, -1, 'WITHSCORES')
  if last[2] then
    bound_memory_at(last[2])
  end
end

local function forget_ended(now_ms)
  local forgotten = redis.call('ZRANGEBYSCORE', ended_key, '-inf', digits(now_ms), 'LIMIT', 0, COLLECT_LIMIT)
  if forgotten[1] then
    redis.call('ZREM', ended_key, unpack(forgotten))
    redis.call('HDEL', lapsed_key, unpack(forgotten))
  end
end

-- Loans and signed licenses of sessions end with their lease.
local function delete_loans_and_signed(sessions)
  redis.call('ZREM', borrowed_key, unpack(sessions))
  redis.call('HDEL', signed_key, unpack(sessions))
end

-- Ends a session that holds a seat, for good: it is remembered until all its tokens have expired, so that no late
-- heartbeat revives it.
local function end_session(license, session, expiry_ms, packed, reason, now_ms)
  local holder, _, _, promised_ms = unpack_facts(packed)
  redis.call('ZREM', lease_key, session)
  redis.call('HDEL', session_key, session)
  redis.call('HDEL', holder_key, holder)
  delete_loans_and_signed({ session })
  mark_ended(session, forget_at_ms(expiry_ms, promised_ms))
  bound_memory()
  append_session_event(license, 'session.' .. reason, session, now_ms, packed, count_active(now_ms))
  update_due()
end

-- Removes sessions whose lease has expired from the pool. `leases` is a flat list of session, expiry (ms); `seated` is
-- the number of leases including them.
local function lapse(license, leases, now_ms, seated)
  local sessions, holders, marks, remembered = {}, {}, {}, {}
  local last_forget_ms = 0
  for i = 1, #leases, 2 do
    sessions[#sessions + 1] = leases[i]
  end
  local packed = redis.call('HMGET', session_key, unpack(sessions))
  for i = 1, #sessions do
    local expiry_ms = tonumber(leases[i * 2])
    local holder, acquired_ms, _, promised_ms = unpack_facts(packed[i])
    local forget_ms = forget_at_ms(expiry_ms, promised_ms)
    holders[i] = holder
    if forget_ms > now_ms then
      last_forget_ms = math.max(last_forget_ms, forget_ms)
      marks[#marks + 1] = digits(forget_ms)
      marks[#marks + 1] = sessions[i]
      remembered[#remembered + 1] = sessions[i]
      remembered[#remembered + 1] = packed[i]
    end
    append_holder_event(license, 'session.expired', sessions[i], expiry_ms, holder, acquired_ms, seated - i,
      LEASE_RAN_OUT)
  end
  redis.call('ZREM', lease_key, unpack(sessions))
  redis.call('HDEL', session_key, unpack(sessions))
  redis.call('HDEL', holder_key, unpack(holders))
  -- Most pools have no loans or signed licenses and remember no session yet; one command shows that.
  local is_plain = redis.call('EXISTS', borrowed_key, signed_key, ended_key) == 0
  if not is_plain then
    delete_loans_and_signed(sessions)
  end
  if marks[1] then
    redis.call('ZADD', ended_key, unpack(marks))
    redis.call('HSET', lapsed_key, unpack(remembered))
    if is_plain then
      bound_memory_at(digits(last_forget_ms))
    else
      bound_memory()
    end
  end
end

-- Collects expired leases, at most `limit`, and returns their number.
local function collect_expired(license, now_ms, limit)
  forget_ended(now_ms)
  local leases = redis.call('ZRANGEBYSCORE', lease_key, '-inf', digits(now_ms), 'WITHSCORES', 'LIMIT', 0, limit)
  if leases[1] then
    lapse(license, leases, now_ms, redis.call('ZCARD', lease_key))
    update_due()
  end
  return #leases / 2
end

-- The expiry (ms) of a session that holds a seat now, or nil. An expired lease beyond the batch above lapses here, so
-- that no script has to distinguish a collected lease from an uncollected one.
local function living_expiry_ms(license, session, now_ms)
  local expiry = redis.call('ZSCORE', lease_key, session)
  if not expiry then
    return nil
  end
  if tonumber(expiry) > now_ms then
    return tonumber(expiry)
  end
  lapse(license, { session, expiry }, now_ms, redis.call('ZCARD', lease_key))
  update_due()
  return nil
end
