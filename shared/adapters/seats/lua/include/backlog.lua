-- Entries in the outbox, and the position of the first, or ''.
local function read_backlog()
  local oldest = redis.call('XRANGE', outbox_key, '-', '+', 'COUNT', 1)
  if not oldest[1] then
    return 0, ''
  end
  return redis.call('XLEN', outbox_key), oldest[1][1]
end
