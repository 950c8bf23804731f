-- put-license: replaces the entitlement copy, unless the stored version is as new or newer.
--
-- Promise: versions only increase, in whatever order the calls arrive. Existing leases stay; a smaller pool only denies
-- new ones. The event of a version, if given, is appended once, even if the version itself was stored before, from the
-- records and without its event. The counters of the request limit are kept.
--
-- ARGV[1] license_id
-- ARGV[2] version
-- ARGV[3] event_type       or '' to append none (a copy restored from the records is not a change)
-- ARGV[4] at_ms            when the license changed, according to the records, or ''
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

-- Fields that belong to the seat scripts, not to a version of the license.
local KEPT = { 'told_version', 'acquires_us', 'beats_us', 'strangers_us' }

local function append_change_event()
  local field = redis.call('HMGET', license_key, 'told_version', 'tenant_id', 'max')
  if event_type ~= '' and field[1] ~= version then
    append_event({ tenant_id = field[2] }, event_type, '', tonumber(at_ms), { 'version', version, 'max', field[3] })
    redis.call('HSET', license_key, 'told_version', version)
  end
end

local stored_version, format, limit = unpack(redis.call('HMGET', license_key, 'version', 'v', 'requests_per_minute'))
-- This call replaces a copy of the same version in a format of another release, or from before request limits.
local is_whole = format == '1' and limit
if stored_version and (tonumber(stored_version) > tonumber(version) or stored_version == version and is_whole) then
  if stored_version == version then
    append_change_event()
  end
  return { 'STALE' }
end

local kept = redis.call('HMGET', license_key, unpack(KEPT))
redis.call('DEL', license_key)
redis.call('HSET', license_key, 'version', version, unpack(ARGV, 5))
for i, value in ipairs(kept) do
  if value then
    redis.call('HSET', license_key, KEPT[i], value)
  end
end
redis.call('ZADD', copies_key, '0', license_id)
append_change_event()
return { 'STORED' }
