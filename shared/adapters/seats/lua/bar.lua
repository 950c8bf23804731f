-- bar: until then, users' own access tokens are rejected for the licenses of a tenant.
--
-- Promise: a bar lasts until its time by Redis' clock and is never shortened. Expired bars are removed by the next bar
-- in the shard, and the last one expires with its key.
--
-- KEYS barred
--
-- ARGV[1] tenant_id
-- ARGV[2..] user, until_ms, user, until_ms …
--
-- returns {'BARRED'}
--
-- @include clock
-- @include digits

local tenant_id = ARGV[1]

redis.call('ZREMRANGEBYSCORE', barred_key, '-inf', digits(read_clock_ms()))
for i = 2, #ARGV, 2 do
  redis.call('ZADD', barred_key, 'GT', ARGV[i + 1], tenant_id .. ':' .. ARGV[i])
end
local last = redis.call('ZRANGE', barred_key, -1, -1, 'WITHSCORES')
if last[2] then
  redis.call('PEXPIREAT', barred_key, digits(tonumber(last[2])))
end
return { 'BARRED' }
