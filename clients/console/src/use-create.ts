import { useMemo } from 'preact/hooks';
import type { Call } from './api-call.ts';
import { useConsole } from './console.ts';
import { createIntents } from './intent.ts';

/**
 * A call that creates something. If its answer is lost and the user presses the button again, the same request is sent with
 * the same idempotency key, and creates nothing twice.
 */
export function useCreate(): Call {
  const { call } = useConsole();
  return useMemo(() => {
    const intents = createIntents(() => crypto.randomUUID());
    return async (operation, input) => {
      const idempotencyKey = intents.keyOf({ operation, input });
      const answer = await call(operation, { ...input, idempotencyKey });
      intents.done();
      return answer;
    };
  }, [call]);
}
