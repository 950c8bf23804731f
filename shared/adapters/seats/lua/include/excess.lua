-- @include copy
-- @include digits
-- @include events
-- @include sessions
-- @include signed
-- @include walk

-- What a license pays for is what can be used: if it gets fewer seats than are taken, the seats beyond them end, those
-- acquired last first, each with all its sessions. They end like expired ones, so their programs acquire again. Loans
-- are promised until their ends: they count, and this never ends them. If loans alone exceed the limit, the programs on
-- their seats end too, because no program may keep a seat longer than its loan.

-- Programs that one call ends, about. 100 block Redis for up to 1.3 ms. A call reads every seat of the license, 10,000 in some
-- 70 ms, so it may end a fifth of them.
local MOST_ENDED = 100
local SHARE_ENDED = 5
local SEATS_AT_ONCE = 500

local SEATS_REDUCED = { 'reason', 'seats_reduced' }

-- When the first of the seat's sessions began. A seat whose sessions were lost counts as the newest.
local function started_ms(seat)
  local first_ms = math.huge
  for _, session in ipairs(seat.living) do
    first_ms = math.min(first_ms, session.acquired_ms)
  end
  return first_ms
end

local function newest_first(one, other)
  return one.started_ms > other.started_ms or one.started_ms == other.started_ms and one.holder > other.holder
end

-- The seats that have programs to end, in this order, with the number of these programs as `programs`, and how many of
-- them one call ends as `most`.
local function find_excess(limit, now_ms)
  local active = count_active(now_ms)
  local excess = { programs = 0, most = math.max(MOST_ENDED, math.floor(active / SHARE_ENDED)) }
  if active <= limit then
    return excess
  end
  local loans, lent, others = 0, {}, {}
  local rank = redis.call('ZCOUNT', seats_key, '-inf', digits(now_ms))
  local holders = seats_from(rank, SEATS_AT_ONCE)
  while holders[1] do
    for _, seat in ipairs(read_seats(holders, now_ms)) do
      local row = { holder = seat.holder, started_ms = started_ms(seat), programs = count_programs(seat) }
      if has_loan(seat.living) then
        loans = loans + 1
        lent[#lent + 1] = row.programs > 0 and row or nil
      else
        others[#others + 1] = row
      end
    end
    rank = rank + SEATS_AT_ONCE
    holders = seats_from(rank, SEATS_AT_ONCE)
  end

  table.sort(others, newest_first)
  table.sort(lent, newest_first)
  local function add(row)
    excess[#excess + 1] = row
    excess.programs = excess.programs + row.programs
  end
  for i = 1, math.min(active - limit, #others) do
    add(others[i])
  end
  for i = 1, loans > limit and #lent or 0 do
    add(lent[i])
  end
  return excess
end

-- Ends the programs of these seats, as many as one call ends.
local function end_excess(license, excess, now_ms)
  local programs = 0
  for _, row in ipairs(excess) do
    if programs >= excess.most then
      break
    end
    programs = programs + row.programs
    local seat = read_seat(row.holder, now_ms)
    collect_dead(license, { seat }, now_ms)
    -- Its loan was lost with its sessions.
    if not seat.living[1] then
      redis.call('ZREM', loans_key, seat.holder)
    end
    local ended = {}
    for _, session in ipairs(seat.living) do
      ended[#ended + 1] = session.kind ~= 'l' and session or nil
    end
    table.sort(ended, by_start)
    end_sessions(license, seat, ended, 'expired', SEATS, now_ms, SEATS_REDUCED)
    delete_unneeded(license, seat, ended)
  end
end

-- Stores a copy, and ends what exceeds its seats. The copy comes first, so that the event of the change comes before
-- those of the ends. Returns false if there is more to end than one call can: the copy is not stored yet then, so that
-- after a crash the sweep finds it outdated and puts it again.
local function store_reducing(license, version, event, fields, now_ms)
  local excess = find_excess(license.limit, now_ms)
  if excess[1] then
    license.signing = redis.call('HGET', license_key, 'signing')
  end
  if excess.programs > excess.most then
    end_excess(license, excess, now_ms)
    return false
  end
  store_copy(version, unpack(fields))
  append_change_event(event)
  end_excess(license, excess, now_ms)
  return true
end
