-- @include events

-- The version of the entitlement copy, or nil if there is none, or one in a format of another release.
local function read_version()
  local field = redis.call('HMGET', license_key, 'v', 'version')
  return field[1] == '1' and field[2] or nil
end

-- Every version has the same fields, so each is overwritten. Counters in the same hash are kept.
local function store_copy(version, ...)
  redis.call('HSET', license_key, 'version', version, ...)
end

-- Reports the change that made the stored version, once.
local function append_change_event(event_type, at_ms)
  local field = redis.call('HMGET', license_key, 'told_version', 'version', 'tenant_id', 'max')
  if event_type ~= '' and field[1] ~= field[2] then
    append_event({ tenant_id = field[3] }, event_type, '', tonumber(at_ms), { 'version', field[2], 'max', field[4] })
    redis.call('HSET', license_key, 'told_version', field[2])
  end
end
