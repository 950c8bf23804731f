-- put-license: replaces the entitlement copy, unless what is here is as new or newer.
--
-- Promise: versions only ever go up, whatever order the calls arrive in. Running leases stay; a smaller pool only
-- refuses new ones. The event, where one is named, is appended once, with the change that it tells of.
--
-- ARGV[1] license_id
-- ARGV[2] version
-- ARGV[3] event_type       or '' to append none (a copy refilled from the records is no change)
-- ARGV[4..] field, value, field, value …  the whole entitlement
--
-- returns {'STORED'}
-- returns {'STALE'}
--
-- @include keys
-- @include clock
-- @include events

local version = ARGV[2]
local event_type = ARGV[3]

local stored_version = redis.call('HGET', license_key, 'version')
if stored_version and tonumber(stored_version) >= tonumber(version) then
  return { 'STALE' }
end

redis.call('DEL', license_key)
redis.call('HSET', license_key, 'version', version, unpack(ARGV, 4))
if event_type ~= '' then
  local license = { tenant_id = redis.call('HGET', license_key, 'tenant_id') }
  append_event(license, event_type, '', read_clock_ms(),
    { 'version', version, 'max', redis.call('HGET', license_key, 'max') })
end
return { 'STORED' }
