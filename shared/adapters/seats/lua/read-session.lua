-- read-session: returns one session that holds a seat, with the license that was last signed for its holder there.
--
-- Promise: extends no lease, and returns nothing of a license that is not active. It only counts the call.
--
-- KEYS license held signed barred?
--
-- ARGV[1] license_id
-- ARGV[2] proof    see include/caller.lua
-- ARGV[3] id  of the session
--
-- returns {'OK', now_ms, packed, valid_until_ms, signed, ttl_seconds, heartbeat_seconds, offline_grace_days,
--          offline_start_days, version}  signed is '' if nothing is stored
-- returns {'GONE'}
-- returns {'UNKNOWN_LICENSE'}, {'WRONG_KEY'}, {'NOT_YOURS'}, {'SUSPENDED'}, {'EXPIRED'}
-- returns {'TOO_OFTEN', retry_after_seconds}
--
-- @include clock
-- @include license
-- @include caller
-- @include enter
-- @include sessions
-- @include beats
-- @include signed

local proof = ARGV[2]
local id = ARGV[3]

local caller = read_caller(proof)
local now_ms = read_clock_ms()
local session = living_session(caller, id, redis.call('HGET', held_key, id), now_ms)

local character = character_of(session, id)
local license, refusal = enter(caller, { character }, now_ms)
refusal = refusal or pace(license, caller, character, now_ms) or trouble_of(license, now_ms)
if refusal then
  return leave(refusal)
end
if not session then
  return leave({ 'GONE' })
end

local kept = license.signing and read_signed(session.holder)[place_of(session)]
local signed = kept and kept.until_ms > now_ms and kept.text or ''
return leave(with_rhythm({ 'OK', now_ms, pack(session), license.valid_until_ms, signed }, license))
