-- probe: shows that Redis accepts writes in this shard, and how many events wait there.
--
-- Promise: the first write needs memory, as that of a granted seat does, so it fails whenever a seat cannot be granted.
-- It leaves nothing.
--
-- returns {'OK', now_ms, pending, oldest_position}
--         pending: entries in the outbox; oldest_position: of the first entry, or ''
--
-- @include keys
-- @include clock
-- @include digits

local now_ms = read_clock_ms()
redis.call('SET', probe_key, digits(now_ms))
redis.call('DEL', probe_key)
local oldest = redis.call('XRANGE', outbox_key, '-', '+', 'COUNT', 1)
return { 'OK', now_ms, redis.call('XLEN', outbox_key), oldest[1] and oldest[1][1] or '' }
