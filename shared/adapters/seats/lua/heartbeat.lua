-- heartbeat: extends leases of one license by its TTL from now.
--
-- Promise: an unexpired lease is extended to the TTL from now, or to the end of its loan if that is later. An expired
-- one is revived only if a seat is free and its holder has taken no other; the pool never exceeds max + overdraft.
-- Sessions that were released or evicted stay ended. A valid token replaces what Redis has lost. A call with at least
-- one beat that is needed is neither counted nor refused, however often other clients call; any other call counts
-- against the license's request limit, and changes nothing if it exceeds the limit.
--
-- ARGV[1] license_id
-- ARGV[2] proof            see include/caller.lua
-- ARGV[3..] six for each session:
--   session
--   token_expiry_ms        end of the lease in the caller's session token, or '' without a valid token
--   token_holder           the token's holder, or ''
--   token_acquired_ms      when the token's session was acquired, or ''
--   token_facts            the token's facts, or ''
--   token_borrowed_ms      until when the seat is borrowed according to the token, or ''
--
-- returns {'OK', now_ms, ttl_seconds, heartbeat_seconds, offline_grace_days, answer, answer, …} in the order of the
--         sessions;
--         answer is {'RENEWED'|'REVIVED', expiry_ms, packed, borrowed_until_ms} or {'GONE'} or {'NO_ROOM'}
-- returns {'UNKNOWN_LICENSE'}, {'WRONG_KEY'}, {'NOT_YOURS'}, {'SUSPENDED'}, {'EXPIRED'}
-- returns {'TOO_OFTEN', retry_after_seconds}
--
-- @include keys
-- @include digits
-- @include license
-- @include leases
-- @include caller
-- @include enter
-- @include pace
-- @include loans

local proof = ARGV[2]

local caller = read_caller(proof)

local function is_needed(license, session, now_ms)
  local living_ms = tonumber(redis.call('ZSCORE', lease_key, session) or '0')
  -- Without the loan: the lease of a borrowed seat already lasts until the loan ends, so a beat before that gains
  -- nothing.
  local gain_ms = lease_end_ms(license, now_ms, 0) - living_ms
  return living_ms > now_ms and gain_ms >= license.heartbeat_seconds * 500
    and can_access(caller, redis.call('HGET', session_key, session))
end

-- A beat is needed if it extends its lease by half a heartbeat interval or more. It is not needed if it comes sooner,
-- or if it can extend nothing because the license is suspended or has expired.
local function pace_beats(license, now_ms)
  if not standing_of(license, now_ms) then
    for i = 3, #ARGV, 6 do
      if is_needed(license, ARGV[i], now_ms) then
        return nil
      end
    end
  end
  return charge(license, 'beats_us', license.requests_per_minute, now_ms)
end

local license, now_ms, refusal = enter_for_a_seat(caller, pace_beats)
if refusal then
  return refusal
end

-- The facts of a session that holds no seat: from Redis, or, if Redis has lost them, from the caller's token, which
-- also contains the loan.
local function revivable(session, token)
  local packed = redis.call('HGET', lapsed_key, session)
  if packed then
    return packed, 0
  end
  if token.expiry_ms and token.expiry_ms + MEMORY_MS > now_ms
    and not redis.call('ZSCORE', ended_key, session) then
    return pack(token.holder, token.acquired_ms, '0', digits(token.expiry_ms), token.facts),
      token.borrowed_ms > now_ms and token.borrowed_ms or 0
  end
  return nil
end

local function with_promise(packed, living_ms, expiry_ms)
  local holder, acquired_ms, again_ms, promised_ms = unpack_facts(packed)
  return pack(holder, acquired_ms, again_ms, longest_promise(promised_ms, living_ms, expiry_ms), client_facts(packed))
end

local function beat(session, token)
  local living_ms = living_expiry_ms(license, session, now_ms)
  if living_ms then
    local packed = redis.call('HGET', session_key, session)
    if not can_access(caller, packed) then
      return { 'GONE' }
    end
    local loan_ms = loan_end_ms(session, now_ms)
    local expiry_ms = lease_end_ms(license, now_ms, loan_ms)
    if living_ms > expiry_ms then
      packed = with_promise(packed, living_ms, expiry_ms)
      redis.call('HSET', session_key, session, packed)
    end
    redis.call('ZADD', lease_key, digits(expiry_ms), session)
    return { 'RENEWED', expiry_ms, packed, reported_loan_ms(loan_ms, expiry_ms) }
  end
  local packed, loan_ms = revivable(session, token)
  if not packed or not can_access(caller, packed) then
    return { 'GONE' }
  end
  local holder = unpack_facts(packed)
  local seated_elsewhere = redis.call('HGET', holder_key, holder)
  if seated_elsewhere and living_expiry_ms(license, seated_elsewhere, now_ms) then
    return { 'GONE' }
  end
  local active = count_active(now_ms)
  if active >= license.limit then
    return { 'NO_ROOM' }
  end
  redis.call('ZREM', ended_key, session)
  redis.call('HDEL', lapsed_key, session)
  local expiry_ms = lease_end_ms(license, now_ms, loan_ms)
  put_lease(session, holder, packed, expiry_ms)
  if loan_ms > 0 then
    lend(session, loan_ms)
  end
  append_session_event(license, 'session.revived', session, now_ms, packed, active + 1, loan_fields(loan_ms))
  return { 'REVIVED', expiry_ms, packed, reported_loan_ms(loan_ms, expiry_ms) }
end

local answers = { 'OK', now_ms, license.ttl_seconds, license.heartbeat_seconds, license.offline_grace_days }
for i = 3, #ARGV, 6 do
  answers[#answers + 1] = beat(ARGV[i], {
    expiry_ms = tonumber(ARGV[i + 1]),
    holder = ARGV[i + 2],
    acquired_ms = ARGV[i + 3],
    facts = ARGV[i + 4],
    borrowed_ms = tonumber(ARGV[i + 5]) or 0,
  })
end
update_due()
return answers
