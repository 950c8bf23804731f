-- @include events

-- The version of the entitlement copy and its seats with overdraft; nil if there is none, or one in a format of another
-- release.
local function read_version()
  local field = redis.call('HMGET', license_key, 'v', 'version', 'max', 'overdraft')
  if field[1] ~= '1' then
    return nil
  end
  return field[2], tonumber(field[3]) + tonumber(field[4])
end

-- What scripts need of a copy that is not stored yet.
local function license_of(fields)
  local license = {}
  for i = 1, #fields, 2 do
    license[fields[i]] = fields[i + 1]
  end
  license.limit = tonumber(license.max) + tonumber(license.overdraft)
  license.offline_start_days = tonumber(license.offline_start_days)
  return license
end

-- Every version has the same fields, so each is overwritten. Counters in the same hash are kept.
local function store_copy(version, ...)
  redis.call('HSET', license_key, 'version', version, ...)
end

-- Reports the change that made the stored version, once. `text`: '' for none, or JSON: the event's type, at_ms (according to
-- the records), by, and more, a flat list of field, value, field, value.
local function append_change_event(text)
  local field = redis.call('HMGET', license_key, 'told_version', 'version', 'tenant_id', 'max')
  if text ~= '' and field[1] ~= field[2] then
    local event = cjson.decode(text)
    append_event({ tenant_id = field[3] }, event.type, '', event.at_ms, event.by,
      { 'version', field[2], 'max', field[4], unpack(event.more) })
    redis.call('HSET', license_key, 'told_version', field[2])
  end
end
