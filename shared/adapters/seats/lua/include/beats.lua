-- @include license
-- @include sessions
-- @include caller

-- The facts of a loan that was restored from the records, until its client sends its token.
local NO_FACTS = '[1,""]'

-- The caller's session that holds a seat now, or nil. `token_facts`: from its token, or nil.
local function living_session(caller, id, packed, now_ms, token_facts)
  local session = living_of(id, packed, now_ms)
  if not session then
    return nil
  end
  local facts = session.facts == NO_FACTS and token_facts or session.facts
  return can_access(caller, facts) and session or nil
end

-- Extends a living session, and completes the facts of a restored loan by its token. Returns whether anything changed.
local function extend(license, session, token_facts, now_ms)
  if session.kind ~= 'l' then
    session.end_ms = lease_end_ms(license, now_ms, session.end_ms)
    return true
  end
  if token_facts ~= '' and session.facts == NO_FACTS then
    session.facts = token_facts
    return true
  end
  return false
end

-- The first character of the holder whose request counter a call about this session is charged to.
local function character_of(session, id)
  return string.sub(session and session.holder or id, 1, 1)
end
