-- heartbeat: extends leases of one license by its TTL from now.
--
-- Promise: a session that holds a seat keeps it, and its seat lasts at least as long. A loan needs no heartbeat and is
-- not extended. No lease gets shorter. A session that holds no seat now is left as it is. A call with at least one
-- heartbeat that is due is neither counted nor refused, however often other clients call; any other call counts against
-- the request limit of the first session's holder, and changes nothing if it exceeds the limit.
--
-- KEYS license held seats barred?
--
-- ARGV[1] license_id
-- ARGV[2] proof         see include/caller.lua
-- ARGV[3] told_version  the version of the license whose entitlements the caller got last
-- ARGV[4..] two for each session:
--   session
--   loan_facts          what the client reported about itself, from the token of a loan; '' for any other
--
-- returns {'OK', now_ms, ttl_seconds, heartbeat_seconds, offline_grace_days, offline_start_days, version, entitlements,
--          answer, answer, …} in the order of the sessions; entitlements is '' if the version is told_version;
--         answer is {'RENEWED', packed} or {'MISSING'}
-- returns {'UNKNOWN_LICENSE'}, {'WRONG_KEY'}, {'NOT_YOURS'}, {'SUSPENDED'}, {'EXPIRED'}
-- returns {'TOO_OFTEN', retry_after_seconds}
--
-- @include clock
-- @include digits
-- @include license
-- @include caller
-- @include enter
-- @include sessions
-- @include beats

local proof = ARGV[2]
local told_version = tonumber(ARGV[3])

local caller = read_caller(proof)
local now_ms = read_clock_ms()

local ids, packed = {}, {}
for i = 4, #ARGV, 2 do
  ids[#ids + 1] = ARGV[i]
end
if ids[1] then
  packed = redis.call('HMGET', held_key, unpack(ids))
end
local sessions = {}
for i, id in ipairs(ids) do
  sessions[i] = living_session(caller, id, packed[i], now_ms, ARGV[2 * i + 3])
end

local character = character_of(sessions[1], ids[1] or '')
local license, refusal = enter(caller, { character }, now_ms)
if refusal then
  return leave(refusal)
end

-- A heartbeat is due if it extends its lease by half a heartbeat interval or more.
local function has_due_beat()
  for i = 1, #ids do
    local session = sessions[i]
    if session and session.kind ~= 'l'
      and lease_end_ms(license, now_ms, session.end_ms) - session.end_ms >= license.heartbeat_seconds * 500 then
      return true
    end
  end
  return false
end

local trouble = trouble_of(license, now_ms)
refusal = ids[1] and (trouble or not has_due_beat()) and pace(license, caller, character, now_ms) or trouble
if refusal then
  return leave(refusal)
end

local answers = with_rhythm({ 'OK', now_ms }, license)
answers[#answers + 1] = license.version == told_version and '' or license.entitlements
local stored, ends = {}, {}
for i, id in ipairs(ids) do
  local session = sessions[i]
  if session then
    if extend(license, session, ARGV[2 * i + 3], now_ms) then
      stored[#stored + 1] = id
      stored[#stored + 1] = pack(session)
      ends[#ends + 1] = digits(session.end_ms)
      ends[#ends + 1] = session.holder
    end
    answers[#answers + 1] = { 'RENEWED', pack(session) }
  else
    answers[#answers + 1] = { 'MISSING' }
  end
end
if stored[1] then
  redis.call('HSET', held_key, unpack(stored))
  redis.call('ZADD', seats_key, 'GT', unpack(ends))
end
return leave(answers)
