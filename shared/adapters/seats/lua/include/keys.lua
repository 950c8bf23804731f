-- The keys of one shard and of one license's pool in it, in the order of SHARD_KEYS and POOL_KEYS in keys.ts. All share
-- the shard's hash tag, so every script touches one cluster slot.
--
-- Another layout of keys, or of what only scripts read, gets other key names. What functions read has a version of its own:
-- the entitlement copy and outbox entries as `v`, the facts of a session as their first word.
--
-- A session is stored here without its license: see `memberOf` in encoding.ts.
--
-- due         zset    license -> soonest expiry (ms): where the sweep looks for expired leases
-- outbox      stream  events not yet published
-- denied      hash    license -> denials of the current minute
-- denied_due  zset    license -> end of that minute (ms): where the sweep looks for denials not yet reported
-- copies      zset    every license with an entitlement copy, all with the same score: ordered by id
-- barred      zset    <tenant>:<user> -> until when (ms) that user's own tokens are rejected there
-- probe       string  written and deleted by a probe, so it never exists afterwards
--
-- license     hash    the entitlement copy: limits, status, key hashes, version; and the counters of the request limit
-- lease       zset    session -> expiry (ms): who holds a seat, until when
-- holder      hash    holder -> session: a holder never has two seats in a pool
-- session     hash    session -> packed facts; same members as lease
-- ended       zset    session -> when to forget it (ms): ended sessions, so that a late call does not treat them as new
-- lapsed      hash    session -> packed facts of ended sessions whose lease expired, which can still be revived
-- borrowed    zset    session -> until when (ms) its seat is borrowed; only for sessions in lease
-- signed      hash    session -> the license last signed for it; only for sessions in lease
local due_key = KEYS[1]
local outbox_key = KEYS[2]
local denied_key = KEYS[3]
local denied_due_key = KEYS[4]
local copies_key = KEYS[5]
local barred_key = KEYS[6]
local probe_key = KEYS[7]
local license_key = KEYS[8]
local lease_key = KEYS[9]
local holder_key = KEYS[10]
local session_key = KEYS[11]
local ended_key = KEYS[12]
local lapsed_key = KEYS[13]
local borrowed_key = KEYS[14]
local signed_key = KEYS[15]

local license_id = ARGV[1]
