-- drop-license: removes the entitlement copy of a license that the records do not know.
--
-- Promise: never while a seat is held, and never another version of the copy than the given one. Ended sessions are
-- remembered for their usual time.
--
-- KEYS license seats copies due
--
-- ARGV[1] license_id
-- ARGV[2] version  of the copy to remove
--
-- returns {'DROPPED'}  the copy does not exist any more
-- returns {'KEPT'}

local version = ARGV[2]

local stored_version = redis.call('HGET', license_key, 'version')
if stored_version and (stored_version ~= version or redis.call('ZCARD', seats_key) > 0) then
  return { 'KEPT' }
end
redis.call('DEL', license_key)
redis.call('ZREM', copies_key, license_id)
redis.call('ZREM', due_key, 'd' .. license_id)
return { 'DROPPED' }
