-- probe: shows that Redis accepts writes in this shard, and how many events wait there.
--
-- Promise: the first write needs memory, as that of a granted seat does, so it fails whenever a seat cannot be granted.
-- It leaves nothing.
--
-- KEYS outbox probe
--
-- returns {'OK', now_ms, pending, oldest_position}
--         pending: entries in the outbox; oldest_position: of the first entry, or ''
--
-- @include clock
-- @include digits
-- @include backlog

local now_ms = read_clock_ms()
redis.call('SET', probe_key, digits(now_ms))
redis.call('DEL', probe_key)
return { 'OK', now_ms, read_backlog() }
