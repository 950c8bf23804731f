-- keep-signed: stores what was signed for a session, and replaces what was stored before.
--
-- Promise: only for a session that holds a seat now; it is deleted with the seat.
--
-- ARGV[1] license_id
-- ARGV[2] session
-- ARGV[3] signed  stored as it is
--
-- returns {'KEPT'}
-- returns {'GONE'}
--
-- @include keys
-- @include clock

local session = ARGV[2]
local signed = ARGV[3]

local expiry = redis.call('ZSCORE', lease_key, session)
if not expiry or tonumber(expiry) <= read_clock_ms() then
  return { 'GONE' }
end
redis.call('HSET', signed_key, session, signed)
return { 'KEPT' }
