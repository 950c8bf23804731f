-- reserve-signature: counts a new signature before it is made, so that one key cannot use up the quota of Cloud KMS.
--
-- Promise: no seat gets more than SIGNATURES_A_DAY signatures a day (UTC), and no license more than that for each machine
-- that it allows, since a client can invent holders. No more machines of a license than allowed have a signed license at
-- once. The machine counts until the license ends, even if nothing is signed then.
--
-- KEYS license held signed signers signatures
--
-- ARGV[1] license_id
-- ARGV[2] id  of the session
-- ARGV[3] until_ms  when the signed license ends
--
-- returns {'RESERVED'}
-- returns {'GONE'}
-- returns {'SIGNED_LIMIT', limit}
-- returns {'TOO_OFTEN', retry_after_seconds}
--
-- @include clock
-- @include digits
-- @include license
-- @include sessions
-- @include signed

local id = ARGV[2]
local until_ms = tonumber(ARGV[3])

local SIGNATURES_A_DAY = 24
local DAY_MS = 86400000

local license = read_license()
local now_ms = read_clock_ms()
local session = living_of(id, redis.call('HGET', held_key, id), now_ms)
if not license or not session then
  return { 'GONE' }
end

local signed = read_signed(session.holder)
local own = signed[place_of(session)]
if not own or own.until_ms <= now_ms then
  local machines = redis.call('ZCOUNT', signers_key, '(' .. digits(now_ms), '+inf')
  if machines >= license.signed_limit then
    return { 'SIGNED_LIMIT', license.signed_limit }
  end
end

local day = digits(math.floor(now_ms / DAY_MS))
local day_end_ms = (math.floor(now_ms / DAY_MS) + 1) * DAY_MS
local counted_day, made, made_for_all = unpack(redis.call('HMGET', signatures_key, 'day', session.holder, 'all'))
if counted_day ~= day then
  redis.call('DEL', signatures_key)
  redis.call('HSET', signatures_key, 'day', day)
  redis.call('PEXPIREAT', signatures_key, digits(day_end_ms))
  made, made_for_all = 0, 0
end
if tonumber(made or '0') >= SIGNATURES_A_DAY
  or tonumber(made_for_all or '0') >= SIGNATURES_A_DAY * license.signed_limit then
  return { 'TOO_OFTEN', math.ceil((day_end_ms - now_ms) / 1000) }
end
redis.call('HINCRBY', signatures_key, session.holder, 1)
redis.call('HINCRBY', signatures_key, 'all', 1)
local text = own and own.until_ms > now_ms and own.text or ''
signed[place_of(session)] = { at_ms = now_ms, until_ms = math.max(own and own.until_ms or 0, until_ms),
  text = text }
write_signed(session.holder, signed)
redis.call('ZADD', signers_key, 'GT', digits(until_ms), signer_of(session))
if not license.signing then
  redis.call('HSET', license_key, 'signing', '1')
end
return { 'RESERVED' }
