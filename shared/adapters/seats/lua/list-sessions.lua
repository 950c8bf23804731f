-- list-sessions: the sessions that hold a seat of a license now, the first to expire first.
--
-- Promise: changes nothing, and lists no expired lease. A session that is renewed while pages are read moves to the
-- end: it may be returned twice, but none is missed.
--
-- ARGV[1] license_id
-- ARGV[2] after_expiry_ms  expiry of the previous page's last row, or '' for the first page
-- ARGV[3] after_session    that row's session, or ''
-- ARGV[4] limit            the most rows to return; 0 to count only
--
-- returns {'OK', active, max, overdraft, session, expiry_ms, packed, borrowed_until_ms, session, …}
-- returns {'UNKNOWN_LICENSE'}
--
-- @include keys
-- @include clock
-- @include digits
-- @include license
-- @include leases
-- @include loans

local after_expiry_ms = tonumber(ARGV[2])
local after_session = ARGV[3]
local limit = tonumber(ARGV[4])

local license = read_license()
if not license then
  return { 'UNKNOWN_LICENSE' }
end

local now_ms = read_clock_ms()
local answer = { 'OK', count_active(now_ms), license.max, license.overdraft }
if limit == 0 then
  return answer
end

-- The rank of the first row: after all expired leases, or after the cursor. Rows with the same expiry are ordered by
-- session. There may be many (all that end with their license), so the cursor's position is found by binary search.
local first = redis.call('ZCOUNT', lease_key, '-inf', digits(now_ms))
if after_expiry_ms and after_expiry_ms > now_ms then
  first = redis.call('ZCOUNT', lease_key, '-inf', '(' .. digits(after_expiry_ms))
  local beyond = first + redis.call('ZCOUNT', lease_key, digits(after_expiry_ms), digits(after_expiry_ms))
  while first < beyond do
    local middle = math.floor((first + beyond) / 2)
    if redis.call('ZRANGE', lease_key, middle, middle)[1] <= after_session then
      first = middle + 1
    else
      beyond = middle
    end
  end
end

local leases = redis.call('ZRANGE', lease_key, first, first + limit - 1, 'WITHSCORES')
for i = 1, #leases, 2 do
  answer[#answer + 1] = leases[i]
  local expiry_ms = tonumber(leases[i + 1])
  answer[#answer + 1] = expiry_ms
  answer[#answer + 1] = redis.call('HGET', session_key, leases[i])
  answer[#answer + 1] = reported_loan_ms(loan_end_ms(leases[i], now_ms), expiry_ms)
end
return answer
