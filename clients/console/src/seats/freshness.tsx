import type { Watched } from '../poll.ts';
import { clockTime } from '../time.ts';

/** Shows the time of the data, and whether updates fail. */
export function Freshness({ watched }: { readonly watched: Watched<unknown> }) {
  const { asOfMs, problem } = watched;
  if (asOfMs === undefined) return null;
  const asOf = clockTime(new Date(asOfMs));
  // Screen readers read the failure once: the text stays the same until an update succeeds.
  return (
    <div role="status" class="freshness">
      {problem ? (
        <p class="stale">
          Not up to date: data as of {asOf}. {problem.message} The console retries automatically.
        </p>
      ) : (
        <p aria-live="off" class="quiet">
          <span class="live-dot" /> Live, as of {asOf}
        </p>
      )}
    </div>
  );
}
