-- forget-signed: deletes what was signed for holders of a license.
--
-- Promise: nothing that was signed for them is given out again. A retry changes nothing.
--
-- KEYS signed signers signatures
--
-- ARGV[1] license_id
-- ARGV[2..] holders, at most 32
--
-- returns {'FORGOTTEN'}
--
-- @include signed

for i = 2, #ARGV do
  delete_all_signed(ARGV[i])
  redis.call('HDEL', signatures_key, ARGV[i])
end
return { 'FORGOTTEN' }
