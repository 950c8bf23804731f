-- The keys of one shard and of one license's pool in it, in the order of SHARD_KEYS and POOL_KEYS in keys.ts. All share
-- the shard's hash tag, so every script touches one cluster slot.
--
-- A session is named here as session-member.ts has it: without its license.
--
-- due         zset    license -> soonest expiry (ms): where the sweep looks for leases that ran out
-- outbox      stream  events not yet published
-- denied      hash    license -> denials of the current minute
-- denied_due  zset    license -> end of that minute (ms): where the sweep looks for denials not yet told
-- copies      zset    every license with an entitlement copy, all of one score: in the order of their ids
-- barred      zset    <tenant>:<user> -> until when (ms) that person's own word does not count there
--
-- license     hash    the entitlement copy: limits, standing, key hashes, version; and how often it was asked lately
-- lease       zset    session -> expiry (ms): who holds a seat, until when
-- holder      hash    holder -> session: a holder never has two seats in a pool
-- session     hash    session -> packed facts; same members as lease
-- ended       zset    session -> when to forget it (ms): sessions that ended and must not be seated again unnoticed
-- lapsed      hash    session -> packed facts of the ended sessions whose lease ran out, which may still be revived
-- borrowed    zset    session -> until when (ms) its seat is borrowed; of sessions in lease only
-- signed      hash    session -> the license last signed for it; of sessions in lease only
local due_key = KEYS[1]
local outbox_key = KEYS[2]
local denied_key = KEYS[3]
local denied_due_key = KEYS[4]
local copies_key = KEYS[5]
local barred_key = KEYS[6]
local license_key = KEYS[7]
local lease_key = KEYS[8]
local holder_key = KEYS[9]
local session_key = KEYS[10]
local ended_key = KEYS[11]
local lapsed_key = KEYS[12]
local borrowed_key = KEYS[13]
local signed_key = KEYS[14]

local license_id = ARGV[1]
