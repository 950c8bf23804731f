-- read-copies: entitlement copies of licenses of one shard.
--
-- Promise: changes nothing.
--
-- KEYS | license
--
-- ARGV[1..] license_id of each pool, at most 100, in the order of their keys
--
-- returns {'OK', copy, copy, …} in the order of the licenses; copy is {field, value, field, value, …}, or empty if
--         there is none

local answer = { 'OK' }
for i = 1, #ARGV do
  select_pool(i, ARGV[i])
  answer[#answer + 1] = redis.call('HGETALL', license_key)
end
return answer
