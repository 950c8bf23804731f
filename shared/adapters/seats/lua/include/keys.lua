-- The keys of one license's pool and of its shard, in the order of POOL_KEYS in keys.ts. All share the shard's hash
-- tag, so every script touches one cluster slot.
--
-- license  hash    the entitlement copy: limits, standing, key hashes, version
-- lease    zset    session -> expiry (ms): who holds a seat, until when
-- holder   hash    holder -> session: a holder never has two seats in a pool
-- session  hash    session -> packed facts; same members as lease
-- ended    zset    session -> when to forget it (ms): sessions that ended and must not be seated again unnoticed
-- lapsed   hash    session -> packed facts of the ended sessions whose lease ran out, which may still be revived
-- due      zset    license -> soonest expiry (ms), one per shard: where the sweep looks
-- outbox   stream  events not yet published, one per shard
-- denied   hash    license -> denials of the current minute, one per shard
local license_key = KEYS[1]
local lease_key = KEYS[2]
local holder_key = KEYS[3]
local session_key = KEYS[4]
local ended_key = KEYS[5]
local lapsed_key = KEYS[6]
local due_key = KEYS[7]
local outbox_key = KEYS[8]
local denied_key = KEYS[9]

local license_id = ARGV[1]
