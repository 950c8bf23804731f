-- @include digits
-- @include events
-- @include gone

-- Sessions and seats. `held` has both: each session with its facts, and for each holder the sessions of its seat. A
-- seat's end, in `seats`, is the latest end of its sessions.

-- Packed: holder, end (ms), acquired (ms), kind ('i' instance, 'm' machine, 'l' loan), machine (empty if it is the
-- holder), and what the client reports about itself.
local function pack(session)
  return session.holder .. '|' .. digits(session.end_ms) .. '|' .. digits(session.acquired_ms) .. '|' .. session.kind
    .. '|' .. (session.machine == session.holder and '' or session.machine) .. '|' .. session.facts
end

-- The session, or nil if there is none. A holder's list of sessions is none either.
local function unpack_session(id, packed)
  local holder, end_ms, acquired_ms, kind, machine, facts =
    string.match(packed or '', '^([^|]*)|(%d+)|(%d+)|(%l)|([^|]*)|(.*)$')
  return holder and {
    id = id,
    holder = holder,
    end_ms = tonumber(end_ms),
    acquired_ms = tonumber(acquired_ms),
    kind = kind,
    machine = machine == '' and holder or machine,
    facts = facts,
  } or nil
end

-- The session with this record if it holds a seat now, or nil.
local function living_of(id, packed, now_ms)
  local session = unpack_session(id, packed)
  return session and session.end_ms > now_ms and session or nil
end

-- Lua cannot pass more than some 8,000 values to a command (LUAI_MAXCSTACK in luaconf.h).
local MOST_AT_ONCE = 1000

local function read_packed(ids)
  local packed = {}
  for first = 1, #ids, MOST_AT_ONCE do
    local some = redis.call('HMGET', held_key, unpack(ids, first, math.min(first + MOST_AT_ONCE - 1, #ids)))
    for i, each in ipairs(some) do
      packed[first + i - 1] = each
    end
  end
  return packed
end

-- Seats of the holders, each with its living and its dead sessions. `lists`: the holders' lists, if they were read.
-- `known`: a living session that was read.
local function read_seats(holders, now_ms, lists, known)
  lists = lists or redis.call('HMGET', held_key, unpack(holders))
  local seats, ids, seat_of = {}, {}, {}
  for i, holder in ipairs(holders) do
    seats[i] = { holder = holder, living = {}, dead = {} }
    for id in string.gmatch(lists[i] or '', '%S+') do
      if known and id == known.id then
        seats[i].living[1] = known
      else
        ids[#ids + 1] = id
        seat_of[#ids] = seats[i]
      end
    end
  end
  local packed = read_packed(ids)
  for i, id in ipairs(ids) do
    local session = unpack_session(id, packed[i])
    if session then
      local part = session.end_ms > now_ms and seat_of[i].living or seat_of[i].dead
      part[#part + 1] = session
    end
  end
  return seats
end

local function by_start(one, other)
  return one.acquired_ms < other.acquired_ms or one.acquired_ms == other.acquired_ms and one.id < other.id
end

-- The first living session of this kind that the machine has on the seat, or nil. There can be two after one of them
-- was restored.
local function find_own(seat, kind, machine)
  local own
  for _, session in ipairs(seat.living) do
    if session.kind == kind and session.machine == machine and (not own or by_start(session, own)) then
      own = session
    end
  end
  return own
end

local function count_programs(seat)
  local programs = 0
  for _, session in ipairs(seat.living) do
    programs = programs + (session.kind == 'l' and 0 or 1)
  end
  return programs
end

local function read_seat(holder, now_ms, list)
  return read_seats({ holder }, now_ms, list and { list })[1]
end

-- The seat of a living session that was read.
local function read_seat_of(session, now_ms)
  return read_seats({ session.holder }, now_ms, nil, session)[1]
end

-- Ended seats never count, collected or not: a seat is free the millisecond it ends.
local function count_active(now_ms)
  return redis.call('ZCOUNT', seats_key, '(' .. digits(now_ms), '+inf')
end

local function count_lent(now_ms)
  return redis.call('ZCOUNT', loans_key, '(' .. digits(now_ms), '+inf')
end

-- Seats in use. If they reach the limit: without this one if it has no living session, because it still counts after
-- Redis has lost its sessions alone.
local function count_active_besides(seat, limit, now_ms)
  local active = count_active(now_ms)
  if active >= limit and not seat.living[1] and tonumber(redis.call('ZSCORE', seats_key, seat.holder) or '0') > now_ms then
    return active - 1
  end
  return active
end

-- Whether a session can be added to the seat. Loans can exceed the limit after it was reduced: until they have ended, no
-- seat gets another session, which could outlast its loan.
local function has_room(seat, active, limit)
  return active < limit or active == limit and seat.living[1] ~= nil
end

local function ids_of(sessions)
  local ids = {}
  for i, session in ipairs(sessions) do
    ids[i] = session.id
  end
  return ids
end

local function has_loan(sessions)
  for _, session in ipairs(sessions) do
    if session.kind == 'l' then
      return true
    end
  end
  return false
end

-- When a seat with these living sessions ends, and until when it is borrowed; 0 if it has no session, or no loan.
local function ends_of(sessions)
  local end_ms, loan_ms = 0, 0
  for _, session in ipairs(sessions) do
    end_ms = math.max(end_ms, session.end_ms)
    if session.kind == 'l' then
      loan_ms = math.max(loan_ms, session.end_ms)
    end
  end
  return end_ms, loan_ms
end

-- The sweep looks at every license with a seat at least this often, and deletes what has been remembered long enough.
local LOOK_EVERY_MS = 3600000

-- Tells the sweep when to look at this license, unless it looks earlier anyway.
local function note_due(end_ms, now_ms)
  redis.call('ZADD', due_key, 'LT', digits(math.min(end_ms, now_ms + LOOK_EVERY_MS)), license_id)
end

-- The seat is borrowed at least until then.
local function note_loan(holder, end_ms)
  redis.call('ZADD', loans_key, 'GT', digits(end_ms), holder)
end

-- Removes sessions from a seat whose other sessions are `seat.living`. A seat without any is free. If a loan
-- leaves the others, the seat ends days before the sweep would look, so the sweep's time is moved. If a program leaves,
-- the seat ends less than a TTL earlier, and the sweep may be that late.
local function remove_sessions(seat, removed, now_ms)
  local end_ms, loan_ms = ends_of(seat.living)
  local fields = ids_of(removed)
  if end_ms == 0 then
    fields[#fields + 1] = seat.holder
    redis.call('HDEL', held_key, unpack(fields))
    redis.call('ZREM', seats_key, seat.holder)
  else
    redis.call('HDEL', held_key, unpack(fields))
    redis.call('HSET', held_key, seat.holder, table.concat(ids_of(seat.living), ' '))
    redis.call('ZADD', seats_key, digits(end_ms), seat.holder)
  end
  if has_loan(removed) then
    if loan_ms > 0 then
      redis.call('ZADD', loans_key, digits(loan_ms), seat.holder)
    else
      redis.call('ZREM', loans_key, seat.holder)
    end
    if end_ms > 0 then
      note_due(end_ms, now_ms)
    end
  end
end

-- The fields of every event of a session, so that no event depends on another. `seat`: 'taken', 'kept' or 'freed'.
-- `active`: seats in use right after it was written.
local function append_session_event(license, type, session, at_ms, by, seat, active, more)
  append_event(license, type, session.id, at_ms, by, { 'holder', session.holder, 'acquired_ms', digits(session.acquired_ms),
    'seat', seat, 'active', active, 'max', license.max, unpack(more or {}) })
end

local function by_end(one, other)
  return one.end_ms < other.end_ms or one.end_ms == other.end_ms and one.id < other.id
end

-- Collects the expired sessions of these seats: reports their true ends, removes them, and remembers that they expired.
local function collect_dead(license, seats, now_ms)
  local marks, reported = {}, {}
  for _, seat in ipairs(seats) do
    if seat.dead[1] then
      table.sort(seat.dead, by_end)
      remove_sessions(seat, seat.dead, now_ms)
      for i, session in ipairs(seat.dead) do
        local is_last = not seat.living[1] and i == #seat.dead
        reported[#reported + 1] = { session, is_last and 'freed' or 'kept' }
        add_mark(marks, session.id, session.end_ms + MEMORY_MS, 'expired', now_ms)
      end
      seat.dead = {}
    end
  end
  if reported[1] then
    local active = count_active(now_ms)
    for _, each in ipairs(reported) do
      append_session_event(license, 'session.expired', each[1], each[1].end_ms, SEATS, each[2], active, LEASE_RAN_OUT)
    end
    write_marks(marks)
  end
  return #reported
end

-- Adds a session to its holder's seat, or replaces it there. The seat ends no earlier than before.
local function put_session(seat, session, is_new)
  if is_new then
    seat.living[#seat.living + 1] = session
    redis.call('HSET', held_key, session.id, pack(session), seat.holder, table.concat(ids_of(seat.living), ' '))
  else
    redis.call('HSET', held_key, session.id, pack(session))
  end
  redis.call('ZADD', seats_key, 'GT', digits(session.end_ms), session.holder)
end

-- Ends living sessions of a seat, in this order, on behalf of `by`. Their ends are remembered for as long as a token could
-- revive them. The token of a loan revives nothing: its end is remembered from now on. `more`: fields of their events.
local function end_sessions(license, seat, ended, why, by, now_ms, more)
  local marks, is_ended, others = {}, {}, {}
  for _, session in ipairs(ended) do
    is_ended[session.id] = true
    add_mark(marks, session.id, (session.kind == 'l' and now_ms or session.end_ms) + MEMORY_MS, why, now_ms)
  end
  for _, session in ipairs(seat.living) do
    if not is_ended[session.id] then
      others[#others + 1] = session
    end
  end
  seat.living = others
  remove_sessions(seat, ended, now_ms)
  write_marks(marks)
  local active = count_active(now_ms)
  for i, session in ipairs(ended) do
    local frees = not others[1] and i == #ended
    append_session_event(license, 'session.' .. why, session, now_ms, by, frees and 'freed' or 'kept',
      (frees or others[1]) and active or active + 1, more)
  end
end
