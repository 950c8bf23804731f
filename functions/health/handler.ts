import { Unavailable } from '../../shared/errors.ts';
import type { HandlersOf, ReplyOf, RequestOf } from '../../shared/http/contract.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import type contract from './contract.ts';

async function checkHealth(
  { query, caller, note }: RequestOf<typeof contract, 'health'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'health'>> {
  if (query.deep === undefined) return { answer: 'well', body: { status: 'ok' as const } };
  if (caller.kind !== 'operator')
    return { problem: 'AUTHENTICATION_REQUIRED', detail: 'Only operators can use deep=1.' };

  const check = async (part: { ping(): Promise<void> }) => {
    try {
      await part.ping();
      return 'ok' as const;
    } catch (fault) {
      if (!(fault instanceof Unavailable)) throw fault;
      note({ severity: 'ERROR', because: fault.message });
      return 'unavailable' as const;
    }
  };
  const [seats, records, events, signing] = await Promise.all([
    check(deps.seats),
    check(deps.records),
    check(deps.events),
    check(deps.signer),
  ]);
  const parts = { seats, records, events, signing };
  const isHealthy = Object.values(parts).every((part) => part === 'ok');
  return isHealthy
    ? { answer: 'well', body: { status: 'ok' as const, parts } }
    : { answer: 'ailing', body: { status: 'unavailable' as const, parts } };
}

export default { health: checkHealth } satisfies HandlersOf<typeof contract>;
