import { createHash } from 'node:crypto';
import { type RedisEngine, RedisError, startCall } from './engine.ts';

/** Runs a script and returns its reply. */
export type Script = (keys: readonly string[], args: readonly string[]) => Promise<unknown>;

/**
 * A script as one call by its digest. A server that does not know the digest (a first use, a restart, another node of a
 * cluster) gets the source in the same call. The digest is that of the source with the first line of the engine.
 */
export function prepareScript(
  redis: RedisEngine,
  source: string,
  { isReadOnly = false }: { readonly isReadOnly?: boolean } = {},
): Script {
  const text = `${redis.scriptPrefix({ isReadOnly })}${source}`;
  const digest = createHash('sha1').update(text).digest('hex');

  return async (keys, args) => {
    const call = startCall(redis.timeoutMs);
    const input = [keys.length, ...keys, ...args];
    try {
      return await redis.command(['EVALSHA', digest, ...input], call);
    } catch (error) {
      if (!(error instanceof RedisError && error.message.startsWith('NOSCRIPT'))) throw error;
      return redis.command(['EVAL', text, ...input], call);
    }
  };
}
