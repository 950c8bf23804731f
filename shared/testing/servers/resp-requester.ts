import { ErrorReply } from '@redis/client';
import * as z from 'zod/mini';
import { type httpRequester, RedisError } from '../../adapters/seats/upstash-http.ts';
import type { RespClient } from '../../local/redis/resp-client.ts';

const Command = z.array(z.pipe(z.union([z.string(), z.number()]), z.transform(String)));

/**
 * A transport for seats without HTTP, for tests with many thousands of calls. It sends single commands directly to
 * Redis. `close` closes the client.
 */
export function respRequester(client: RespClient): ReturnType<typeof httpRequester> {
  return {
    async request<TResult>({ body, path }: { body?: unknown; path?: string[] }) {
      if (path?.length) throw new TypeError('This requester supports single commands only.');
      const reply = await client.command(z.parse(Command, body));
      if (reply instanceof ErrorReply) throw new RedisError(reply.message);
      // As in `httpRequester`, the caller chooses `TResult`, and no transport can check it.
      return { result: reply as TResult };
    },
    close: () => client.close(),
  };
}
