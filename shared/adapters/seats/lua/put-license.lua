-- put-license: replaces the entitlement copy, unless the stored version is as new or newer.
--
-- Promise: versions only increase, in whatever order the calls arrive. Existing leases stay; a smaller pool only denies
-- new ones. The event of a version, if given, is appended once, even if the version itself was stored before without
-- its event. The request counters are kept. A missing copy is not created: Redis may have lost more than that.
--
-- KEYS license outbox
--
-- ARGV[1] license_id
-- ARGV[2] version
-- ARGV[3] event  that reports the change, see include/copy.lua, or '' to append none
-- ARGV[4..] field, value, field, value …  the whole entitlement; see encoding.ts
--
-- returns {'STORED'}
-- returns {'STALE'}
-- returns {'MISSING'}
--
-- @include copy

local version = ARGV[2]
local event = ARGV[3]

local stored_version = read_version()
if not stored_version then
  return { 'MISSING' }
end
if tonumber(stored_version) >= tonumber(version) then
  if stored_version == version then
    append_change_event(event)
  end
  return { 'STALE' }
end
store_copy(version, unpack(ARGV, 4))
append_change_event(event)
return { 'STORED' }
