-- Counters to write with the answer, in one command: field, value, field, value …
local counters = {}

local function count(field, value)
  counters[#counters + 1] = field
  counters[#counters + 1] = value
end

-- Every script that counts ends with this.
local function leave(reply)
  if counters[1] then
    redis.call('HSET', license_key, unpack(counters))
  end
  return reply
end

-- The license, with the request counters of these characters (see pace.lua). A copy in a format of another release
-- counts as lost, so that it is restored from the records.
local function read_license(characters)
  local fields = { 'v', 'max', 'overdraft', 'ttl_seconds', 'heartbeat_seconds', 'unit', 'status', 'valid_until_ms',
    'offline_grace_days', 'offline_start_days', 'tenant_id', 'key_hash', 'previous_key_hash', 'previous_key_until_ms',
    'borrow_max_days', 'borrow_low_water', 'max_sessions', 'signed_limit', 'version', 'requests_per_minute',
    'entitlements', 'strangers', 'denied', 'signing' }
  local first_counter = #fields + 1
  for _, character in ipairs(characters or {}) do
    fields[#fields + 1] = 'p' .. character
  end
  local values = redis.call('HMGET', license_key, unpack(fields))
  if values[1] ~= '1' then
    return nil
  end
  local license = { pace = {} }
  for i, field in ipairs(fields) do
    license[field] = values[i]
  end
  for _, field in ipairs({ 'max', 'overdraft', 'ttl_seconds', 'heartbeat_seconds', 'valid_until_ms',
    'offline_grace_days', 'offline_start_days', 'previous_key_until_ms', 'borrow_max_days', 'borrow_low_water',
    'max_sessions', 'signed_limit', 'version', 'requests_per_minute' }) do
    license[field] = tonumber(license[field])
  end
  license.limit = license.max + license.overdraft
  for i = first_counter, #fields do
    license.pace[fields[i]] = tonumber(values[i] or '0')
  end
  license.pace.strangers = tonumber(license.strangers or '0')
  return license
end

-- The fields of a license that events need, for callers that need no others; nil if there is no copy.
local function read_license_for_events()
  local field = redis.call('HMGET', license_key, 'v', 'tenant_id', 'max')
  return field[1] == '1' and { tenant_id = field[2], max = field[3] } or nil
end

-- 'SUSPENDED', 'EXPIRED', or nil for an active license. A `valid_until_ms` of 0 means that it does not expire.
local function standing_of(license, now_ms)
  if license.status ~= 'active' then
    return 'SUSPENDED'
  end
  if license.valid_until_ms > 0 and now_ms >= license.valid_until_ms then
    return 'EXPIRED'
  end
  return nil
end

-- No new lease and no new loan outlives its license.
local function within_license(license, end_ms)
  if license.valid_until_ms > 0 and license.valid_until_ms < end_ms then
    return license.valid_until_ms
  end
  return end_ms
end

-- The end of a lease that is extended now. No lease gets shorter, even if the license's terms were changed or the clock
-- was set back: a client relies on the end that it got.
local function lease_end_ms(license, now_ms, old_end_ms)
  return math.max(old_end_ms, within_license(license, now_ms + license.ttl_seconds * 1000))
end

-- Appends what every answer about a held seat says of the license.
local function with_rhythm(reply, license)
  for _, field in ipairs({ 'ttl_seconds', 'heartbeat_seconds', 'offline_grace_days', 'offline_start_days', 'version' }) do
    reply[#reply + 1] = license[field]
  end
  return reply
end
