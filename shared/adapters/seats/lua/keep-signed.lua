-- keep-signed: stores what was signed for a session's holder on its machine, and reports it.
--
-- Promise: only for a session that holds a seat now. It outlives the session, so that a later one on the machine gets
-- the same license.
--
-- KEYS license held signed signers outbox
--
-- ARGV[1] license_id
-- ARGV[2] id  of the session
-- ARGV[3] until_ms  when the signed license ends
-- ARGV[4] text      what was signed, stored as it is
-- ARGV[5] jti       id of the signed license
-- ARGV[6] by        who asks, and by which request, see include/events.lua
--
-- returns {'KEPT'}
-- returns {'GONE'}
--
-- @include clock
-- @include digits
-- @include events
-- @include license
-- @include sessions
-- @include signed

local id = ARGV[2]
local until_ms = tonumber(ARGV[3])
local text = ARGV[4]
local jti = ARGV[5]
local by = ARGV[6]

local license = read_license_for_events()
local now_ms = read_clock_ms()
local session = living_of(id, redis.call('HGET', held_key, id), now_ms)
if not license or not session then
  return { 'GONE' }
end
local signed = read_signed(session.holder)
local kept = signed[place_of(session)]
local is_same = kept and kept.text == text
signed[place_of(session)] = { at_ms = now_ms, until_ms = until_ms, text = text }
write_signed(session.holder, signed)
redis.call('ZADD', signers_key, digits(until_ms), signer_of(session))
redis.call('HSET', license_key, 'signing', '1')
if not is_same then
  append_event(license, 'license.signed', id, now_ms, by, { 'holder', session.holder, 'acquired_ms',
    digits(session.acquired_ms), 'max', license.max, 'jti', jti })
end
return { 'KEPT' }
