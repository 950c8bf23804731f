-- forget-sessions: ends sessions of a license for good, and deletes everything stored of them.
--
-- Promise: when this returns, a seat that one of them held is free and its end is reported, once; none of them can be
-- revived, not even by a token. A retry changes nothing.
--
-- ARGV[1] license_id
-- ARGV[2..] sessions, at most 32
--
-- returns {'FORGOTTEN'}
-- returns {'UNKNOWN_LICENSE'}  one of them is in the pool, but its tenant is not known here: nothing changed
--
-- @include keys
-- @include clock
-- @include license
-- @include leases
-- @include loans

local license = read_license()
local now_ms = read_clock_ms()

if not license then
  for i = 2, #ARGV do
    if redis.call('ZSCORE', lease_key, ARGV[i]) then
      return { 'UNKNOWN_LICENSE' }
    end
  end
end

-- When the last possible token of a session that Redis has lost can no longer revive it, by the license's terms.
local function last_token_ms()
  local longest_lease_ms = license and math.max(license.ttl_seconds * 1000, license.borrow_max_days * DAY_MS) or 0
  return now_ms + longest_lease_ms + MEMORY_MS
end

local function forget(session)
  local expiry_ms = living_expiry_ms(license, session, now_ms)
  if expiry_ms then
    end_session(license, session, expiry_ms, redis.call('HGET', session_key, session), 'evicted', now_ms)
  else
    mark_ended(session, tonumber(redis.call('ZSCORE', ended_key, session)) or last_token_ms())
  end
end

forget_ended(now_ms)
for i = 2, #ARGV do
  forget(ARGV[i])
end
bound_memory()
return { 'FORGOTTEN' }
