-- What authorises a caller, as given by the `proof` in ARGV[2] of every script that takes one:
--   'trusted'                         the function has verified another credential
--   'key <hash>'                      the hash of a license key, which is checked here
--   'user <user> <tenant> <tenant> …' a signed-in user, and their tenants by a token that the function verified
-- Anything else authorises nothing.
local function read_caller(proof)
  local kind, rest = string.match(proof, '^(%l+) ?(.*)$')
  if kind == 'user' then
    local user, tenants = string.match(rest, '^(%S*)(.*)$')
    return { kind = kind, user = user, tenants = tenants .. ' ' }
  end
  return { kind = kind, key_hash = rest }
end

-- After a rotation the previous key stays valid until `previous_key_until_ms`. "==" takes the same time wherever two
-- hashes differ: Lua 5.1 keeps one copy of each string, so it compares two addresses and reads no byte (lstring.c,
-- luaS_newlstr).
local function proves_key(license, key_hash, now_ms)
  return key_hash == license.key_hash
    or now_ms < license.previous_key_until_ms and key_hash == license.previous_key_hash
end

-- A user who was removed from a tenant stays barred until every token that still names it has expired.
local function belongs(license, caller, now_ms)
  if not string.find(caller.tenants, ' ' .. license.tenant_id .. ' ', 1, true) then
    return false
  end
  local barred_until = redis.call('ZSCORE', barred_key, license.tenant_id .. ':' .. caller.user)
  return not barred_until or tonumber(barred_until) <= now_ms
end

-- The verdict for a caller without access to the license, or nil.
local function access_refusal(license, caller, now_ms)
  if caller.kind == 'trusted' then
    return nil
  end
  if caller.kind == 'user' then
    return not belongs(license, caller, now_ms) and 'NOT_YOURS' or nil
  end
  return not (caller.kind == 'key' and proves_key(license, caller.key_hash, now_ms)) and 'WRONG_KEY' or nil
end

-- Whether the caller can access a session with these facts: a signed-in user can only access their own.
local function can_access(caller, facts)
  if caller.kind ~= 'user' then
    return true
  end
  -- As packFacts writes them: version, fingerprint, host name, app version, user.
  local words = facts and facts ~= '' and cjson.decode(facts)
  return words and words[1] == 1 and words[5] == caller.user or false
end
