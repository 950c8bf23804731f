/** Our event loop is delayed on a busy machine: what happens then is noted so much too late, at most. */
const LOOK_EVERY_MS = 20;

let lookedMs = Date.now();
let latest = { atMs: 0, byMs: 0 };

function look(): void {
  const nowMs = Date.now();
  const byMs = nowMs - lookedMs - LOOK_EVERY_MS;
  if (byMs > LOOK_EVERY_MS) latest = { atMs: nowMs, byMs };
  lookedMs = nowMs;
}

setInterval(look, LOOK_EVERY_MS).unref();

/** How many milliseconds ago something may have happened that is noticed now. */
export function lagMs(): number {
  const nowMs = Date.now();
  const isJustOver = nowMs - latest.atMs < LOOK_EVERY_MS;
  return Math.max(isJustOver ? latest.byMs : 0, nowMs - lookedMs - LOOK_EVERY_MS, 0);
}
