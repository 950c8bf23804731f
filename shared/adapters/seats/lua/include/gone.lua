-- @include digits

-- Sessions that have ended, in `gone`: why, and until when that is remembered, so that a late call is not taken for a
-- new one. The score has both: milliseconds times 4, plus the reason.

-- How long a session can be revived by its token after its lease ended, and so how long its end is remembered. The same
-- for every license, because tokens are checked against it too.
local MEMORY_MS = 3600000

local WHY = { expired = 0, released = 1, evicted = 2 }
local WHY_OF = { [0] = 'expired', 'released', 'evicted' }

-- Why the session has ended and until when (ms) that is remembered, or nil.
local function read_gone(session, now_ms)
  local score = tonumber(redis.call('ZSCORE', gone_key, session) or '0')
  local forget_ms = math.floor(score / 4)
  if forget_ms <= now_ms then
    return nil
  end
  return WHY_OF[score % 4], forget_ms
end

local function add_mark(marks, session, forget_ms, why, now_ms)
  if forget_ms > now_ms then
    marks[#marks + 1] = digits(forget_ms * 4 + WHY[why])
    marks[#marks + 1] = session
  end
end

local function write_marks(marks)
  if marks[1] then
    redis.call('ZADD', gone_key, unpack(marks))
  end
end

local function mark_gone(session, forget_ms, why)
  redis.call('ZADD', gone_key, digits(forget_ms * 4 + WHY[why]), session)
end
