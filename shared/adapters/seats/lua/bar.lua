-- bar: from now on a person's own word opens no license of a tenant.
--
-- Promise: for so many seconds by Redis' clock; a bar never gets shorter. Bars whose time is over are forgotten with
-- the next one of the shard, and the last by itself.
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
