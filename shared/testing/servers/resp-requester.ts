import { ErrorReply } from '@redis/client';
import { type RedisEngine, RedisError } from '../../adapters/redis/engine.ts';
import type { RespClient } from '../../local/redis/resp-client.ts';

/** An engine without time limits, for tests with many thousands of calls. `close` closes the client. */
export function respRequester(client: RespClient): RedisEngine {
  return {
    timeoutMs: Number.POSITIVE_INFINITY,
    scriptPrefix: () => '',
    async command(command) {
      const reply = await client.command(command.map(String));
      if (reply instanceof ErrorReply) throw new RedisError(reply.message);
      return reply;
    },
    close: () => client.close(),
  };
}
