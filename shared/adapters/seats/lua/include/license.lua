-- @include keys

local function read_license()
  local field = redis.call('HMGET', license_key, 'max', 'overdraft', 'ttl_seconds', 'heartbeat_seconds', 'unit',
    'status', 'valid_until_ms', 'offline_grace_days', 'tenant_id', 'key_hash', 'previous_key_hash',
    'previous_key_until_ms', 'borrow_max_days', 'borrow_low_water', 'version')
  if not field[1] then
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
    -- A copy from before seats were lent has neither.
    borrow_max_days = tonumber(field[13] or '0'),
    borrow_low_water = tonumber(field[14] or '0'),
    version = tonumber(field[15]),
  }
end

-- `proof` is the hash of the presented license key, or 'trusted' where the function has checked another credential.
-- After a rotation the key before stays good until its time is up. "==" takes the same time wherever two hashes differ:
-- Lua 5.1 keeps one copy of each string, so it compares two addresses and looks at no byte (lstring.c, luaS_newlstr).
local function proves_key(license, proof, now_ms)
  if proof == 'trusted' then
    return true
  end
  if proof == license.key_hash then
    return true
  end
  return now_ms < license.previous_key_until_ms and proof == license.previous_key_hash
end

-- 'SUSPENDED', 'EXPIRED' or nil for a license in good standing. 0 stands for "valid without end".
local function standing_of(license, now_ms)
  if license.status ~= 'active' then
    return 'SUSPENDED'
  end
  if license.valid_until_ms > 0 and now_ms >= license.valid_until_ms then
    return 'EXPIRED'
  end
  return nil
end

-- Neither a lease nor a loan outlives its license.
local function within_license(license, end_ms)
  if license.valid_until_ms > 0 and license.valid_until_ms < end_ms then
    return license.valid_until_ms
  end
  return end_ms
end

-- `loan_ms` is until when the seat is borrowed, or 0.
local function lease_end_ms(license, now_ms, loan_ms)
  return within_license(license, math.max(now_ms + license.ttl_seconds * 1000, loan_ms))
end
