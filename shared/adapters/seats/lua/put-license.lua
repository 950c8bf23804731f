-- put-license: replaces the entitlement copy, unless what is here is as new or newer.
--
-- Promise: versions only ever go up, whatever order the calls arrive in. Running leases stay; a smaller pool only
-- refuses new ones. The event of a version, where one is named, is appended once, also where the version itself came
-- here before, out of the records and without its event.
--
-- ARGV[1] license_id
-- ARGV[2] version
-- ARGV[3] event_type       or '' to append none (a copy refilled from the records is no change)
-- ARGV[4] at_ms            when the license changed, by the records, or ''
-- ARGV[5..] field, value, field, value …  the whole entitlement
--
-- returns {'STORED'}
-- returns {'STALE'}
--
-- @include keys
-- @include events

local version = ARGV[2]
local event_type = ARGV[3]
local at_ms = ARGV[4]

local function tell()
  local field = redis.call('HMGET', license_key, 'told_version', 'tenant_id', 'max')
  if event_type ~= '' and field[1] ~= version then
    append_event({ tenant_id = field[2] }, event_type, '', tonumber(at_ms), { 'version', version, 'max', field[3] })
    redis.call('HSET', license_key, 'told_version', version)
  end
end

local stored_version = redis.call('HGET', license_key, 'version')
if stored_version and tonumber(stored_version) >= tonumber(version) then
  if stored_version == version then
    tell()
  end
  return { 'STALE' }
end

redis.call('DEL', license_key)
redis.call('HSET', license_key, 'version', version, unpack(ARGV, 5))
redis.call('ZADD', copies_key, '0', license_id)
tell()
return { 'STORED' }
