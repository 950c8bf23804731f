-- @include keys
-- @include leases

-- What entitles a caller, as the `proof` in ARGV[2] of every verb that takes one tells it:
--   'trusted'                         the function has checked another credential
--   'key <hash>'                      the hash of a license key, which is checked here
--   'user <user> <tenant> <tenant> …' somebody who is signed in, and their tenants by a token that the function checked
-- Anything else entitles to nothing.
local function read_caller(proof)
  local kind, rest = string.match(proof, '^(%l+) ?(.*)$')
  if kind == 'user' then
    local user, tenants = string.match(rest, '^(%S*)(.*)$')
    return { kind = kind, user = user, tenants = tenants .. ' ' }
  end
  return { kind = kind, key_hash = rest }
end

-- After a rotation the key before stays good until its time is up. "==" takes the same time wherever two hashes differ:
-- Lua 5.1 keeps one copy of each string, so it compares two addresses and looks at no byte (lstring.c, luaS_newlstr).
local function proves_key(license, key_hash, now_ms)
  return key_hash == license.key_hash
    or now_ms < license.previous_key_until_ms and key_hash == license.previous_key_hash
end

-- Whoever was removed from a tenant stays barred until every token that still names it has run out.
local function belongs(license, caller, now_ms)
  if not string.find(caller.tenants, ' ' .. license.tenant_id .. ' ', 1, true) then
    return false
  end
  local barred_until = redis.call('ZSCORE', barred_key, license.tenant_id .. ':' .. caller.user)
  return not barred_until or tonumber(barred_until) <= now_ms
end

-- The word for a caller whom the license does not know, or nil.
local function stranger(license, caller, now_ms)
  if caller.kind == 'trusted' then
    return nil
  end
  if caller.kind == 'user' then
    return not belongs(license, caller, now_ms) and 'NOT_YOURS' or nil
  end
  return not (caller.kind == 'key' and proves_key(license, caller.key_hash, now_ms)) and 'WRONG_KEY' or nil
end

-- Whether a session is there for the caller: to somebody who is signed in, sessions of others are none. `packed` is nil
-- or false where nothing is known that tells whose it is.
local function may_see(caller, packed)
  if caller.kind ~= 'user' then
    return true
  end
  if not packed then
    return false
  end
  return cjson.decode(client_facts(packed))[4] == caller.user
end
