import { Unavailable } from '../../shared/errors.ts';
import type { HandlersOf } from '../../shared/http/contract.ts';
import type contract from './contract.ts';

export default {
  async health({ query, caller, note }, deps) {
    if (query.deep === undefined) return { answer: 'well', body: { status: 'ok' as const } };
    if (caller.kind !== 'operator')
      return { problem: 'AUTHENTICATION_REQUIRED', detail: 'deep=1 is for operators.' };

    const ask = async (part: { ping(): Promise<void> }) => {
      try {
        await part.ping();
        return 'ok' as const;
      } catch (fault) {
        if (!(fault instanceof Unavailable)) throw fault;
        note({ severity: 'ERROR', because: fault.message });
        return 'unavailable' as const;
      }
    };
    const [seats, records] = await Promise.all([ask(deps.seats), ask(deps.records)]);
    const well = seats === 'ok' && records === 'ok';
    return well
      ? { answer: 'well', body: { status: 'ok' as const, parts: { seats, records } } }
      : { answer: 'ailing', body: { status: 'unavailable' as const, parts: { seats, records } } };
  },
} satisfies HandlersOf<typeof contract>;
