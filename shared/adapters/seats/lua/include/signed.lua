-- What was signed for a holder, in `signed`, as JSON: for each place, the signed license, when (ms) it was signed and when it ends. A place is
-- a machine, or the loan of a machine: the license of a loan has another end than that of programs. `signers` has the
-- ends of all places of the license, to count them. `signatures` counts a seat's signatures of the day.

local function read_signed(holder)
  local json = redis.call('HGET', signed_key, holder)
  return json and cjson.decode(json) or {}
end

local function write_signed(holder, signed)
  if next(signed) then
    redis.call('HSET', signed_key, holder, cjson.encode(signed))
  else
    redis.call('HDEL', signed_key, holder)
  end
end

local function place_of(session)
  return session.machine .. (session.kind == 'l' and '+' or '')
end

-- The member of `signers`.
local function signer_of(session)
  return session.holder .. ':' .. place_of(session)
end

local function delete_signed(session)
  local signed = read_signed(session.holder)
  if signed[place_of(session)] then
    signed[place_of(session)] = nil
    write_signed(session.holder, signed)
    redis.call('ZREM', signers_key, signer_of(session))
  end
end

-- Deletes what was signed for a holder from `from_ms` on and before `until_ms`; nil: without an end. Returns whether that
-- was everything.
local function delete_signed_within(holder, from_ms, until_ms)
  local signers = {}
  local others = {}
  for place, kept in pairs(read_signed(holder)) do
    if kept.at_ms >= from_ms and (not until_ms or kept.at_ms < until_ms) then
      signers[#signers + 1] = holder .. ':' .. place
    else
      others[place] = kept
    end
  end
  if signers[1] then
    redis.call('ZREM', signers_key, unpack(signers))
    write_signed(holder, others)
  end
  return next(others) == nil
end

-- Deletes the signed license of a machine without sessions, unless its programs may start offline. `signing` is set once the
-- license has signed anything.
local function delete_unneeded(license, seat, ended)
  if not license.signing or license.offline_start_days > 0 then
    return
  end
  for _, session in ipairs(ended) do
    local is_needed = false
    for _, living in ipairs(seat.living) do
      is_needed = is_needed or place_of(living) == place_of(session)
    end
    if not is_needed then
      delete_signed(session)
    end
  end
end
