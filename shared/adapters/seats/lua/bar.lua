-- bar: from now on a user's own access tokens are rejected for the licenses of a tenant.
--
-- Promise: the bar lasts for this many seconds by Redis' clock and is never shortened. Expired bars are removed by the
-- next bar in the shard, and the last one expires with its key.
--
-- ARGV[1] tenant_id
-- ARGV[2] user
-- ARGV[3] seconds
--
-- returns {'BARRED'}
--
-- @include keys
-- @include clock
-- @include digits

local tenant_id = ARGV[1]
local user = ARGV[2]
local seconds = tonumber(ARGV[3])

local now_ms = read_clock_ms()
redis.call('ZREMRANGEBYSCORE', barred_key, '-inf', digits(now_ms))
redis.call('ZADD', barred_key, 'GT', digits(now_ms + seconds * 1000), tenant_id .. ':' .. user)
local last = redis.call('ZRANGE', barred_key, -1, -1, 'WITHSCORES')
redis.call('PEXPIREAT', barred_key, digits(tonumber(last[2])))
return { 'BARRED' }
