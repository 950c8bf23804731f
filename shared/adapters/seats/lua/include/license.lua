-- @include keys

-- A copy in a format of another release counts as lost, so that it is restored from the records.
local function read_license()
  local field = redis.call('HMGET', license_key, 'max', 'overdraft', 'ttl_seconds', 'heartbeat_seconds', 'unit',
    'status', 'valid_until_ms', 'offline_grace_days', 'tenant_id', 'key_hash', 'previous_key_hash',
    'previous_key_until_ms', 'borrow_max_days', 'borrow_low_water', 'version', 'requests_per_minute', 'acquires_us',
    'beats_us', 'strangers_us', 'v')
  if field[20] ~= '1' then
    return nil
  end
  return {
    max = tonumber(field[1]),
    overdraft = tonumber(field[2]),
    limit = tonumber(field[1]) + tonumber(field[2]),
    ttl_seconds = tonumber(field[3]),
    heartbeat_seconds = tonumber(field[4]),
    unit = field[5],
    status = field[6],
    valid_until_ms = tonumber(field[7]),
    offline_grace_days = tonumber(field[8]),
    tenant_id = field[9],
    key_hash = field[10],
    previous_key_hash = field[11],
    previous_key_until_ms = tonumber(field[12]),
    -- A copy from before borrowing has neither.
    borrow_max_days = tonumber(field[13] or '0'),
    borrow_low_water = tonumber(field[14] or '0'),
    version = tonumber(field[15]),
    -- A copy from before request limits has none: then there is no limit.
    requests_per_minute = tonumber(field[16] or ''),
    -- The counters of pace.lua are here, so that the request limit needs no read of its own.
    acquires_us = tonumber(field[17] or '0'),
    beats_us = tonumber(field[18] or '0'),
    strangers_us = tonumber(field[19] or '0'),
  }
end

-- The fields of a license that events need, for callers that need no others; nil if there is no copy.
local function read_license_for_events()
  local field = redis.call('HMGET', license_key, 'tenant_id', 'max')
  return field[1] and { tenant_id = field[1], max = field[2] } or nil
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

-- No lease and no loan outlives its license.
local function within_license(license, end_ms)
  if license.valid_until_ms > 0 and license.valid_until_ms < end_ms then
    return license.valid_until_ms
  end
  return end_ms
end

-- `loan_ms` is when the loan ends, or 0.
local function lease_end_ms(license, now_ms, loan_ms)
  return within_license(license, math.max(now_ms + license.ttl_seconds * 1000, loan_ms))
end
