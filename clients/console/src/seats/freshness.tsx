import type { Watched } from '../poll.ts';
import { clockTime } from '../time.ts';

/** How old what is shown is, and whether there is newer to be had. */
export function Freshness({ watched }: { readonly watched: Watched<unknown> }) {
  const { asOfMs, problem } = watched;
  if (asOfMs === undefined) return null;
  const asOf = clockTime(new Date(asOfMs));
  // Said once when it goes wrong: what stands there does not change until it is well again.
  return (
    <div role="status" class="freshness">
      {problem ? (
        <p class="stale">
          Not up to date: this is from {asOf}. {problem.message} It is tried again by itself.
        </p>
      ) : (
        <p aria-live="off" class="quiet">
          <span class="live-dot" /> Live, as of {asOf}
        </p>
      )}
    </div>
  );
}
