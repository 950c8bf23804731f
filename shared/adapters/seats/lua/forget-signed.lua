-- forget-signed: deletes what was signed for holders of a license, in a period.
--
-- Promise: nothing that was signed for them is given out again. A retry changes nothing.
--
-- KEYS signed signers signatures
--
-- ARGV[1] license_id
-- ARGV[2] from_ms
-- ARGV[3] until_ms  '' for no end
-- ARGV[4..] holders, at most 32
--
-- returns {'FORGOTTEN'}
--
-- @include signed

local from_ms = tonumber(ARGV[2])
local until_ms = tonumber(ARGV[3])

for i = 4, #ARGV do
  if delete_signed_within(ARGV[i], from_ms, until_ms) then
    redis.call('HDEL', signatures_key, ARGV[i])
  end
end
return { 'FORGOTTEN' }
