-- put-license: replaces the entitlement copy, unless the stored version is as new or newer.
--
-- Promise: versions only increase, in whatever order the calls arrive. If there are more seats in use than the license
-- has from now on, the newest of them end; see include/excess.lua. The event of a version, if given, is appended once,
-- even if the version itself was stored before without its event. The request counters are kept. A missing copy is not
-- created: Redis may have lost more than that.
--
-- KEYS license held seats gone loans signed signers due outbox
--
-- ARGV[1] license_id
-- ARGV[2] version
-- ARGV[3] event  that reports the change, see include/copy.lua, or '' to append none
-- ARGV[4..] field, value, field, value …  the whole entitlement; see encoding.ts
--
-- returns {'STORED'}
-- returns {'ENDING'}  some seats ended, and more must before the copy can be stored: call again
-- returns {'STALE'}
-- returns {'MISSING'}
--
-- @include clock
-- @include copy
-- @include excess

local version = ARGV[2]
local event = ARGV[3]

local stored_version, stored_limit = read_version()
if not stored_version then
  return { 'MISSING' }
end
if tonumber(stored_version) >= tonumber(version) then
  if stored_version == version then
    append_change_event(event)
  end
  return { 'STALE' }
end
local fields = { unpack(ARGV, 4) }
local license = license_of(fields)
if license.limit >= stored_limit then
  store_copy(version, unpack(fields))
  append_change_event(event)
  return { 'STORED' }
end
return { store_reducing(license, version, event, fields, read_clock_ms()) and 'STORED' or 'ENDING' }
