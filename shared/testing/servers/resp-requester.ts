import { ErrorReply } from '@redis/client';
import * as z from 'zod/mini';
import { type httpRequester, RedisError } from '../../adapters/seats/upstash-http.ts';
import type { RespClient } from '../../local/redis/resp-client.ts';

const Command = z.array(z.pipe(z.union([z.string(), z.number()]), z.transform(String)));

/**
 * The seats' transport without HTTP, for tests of many thousand calls: single commands straight to Redis. `close`
 * closes the client.
 */
export function respRequester(client: RespClient): ReturnType<typeof httpRequester> {
  return {
    async request<TResult>({ body, path }: { body?: unknown; path?: string[] }) {
      if (path?.length) throw new TypeError('This requester carries single commands only.');
      const reply = await client.command(z.parse(Command, body));
      if (reply instanceof ErrorReply) throw new RedisError(reply.message);
      // As in `httpRequester`: `TResult` is the caller's claim, which no transport can check.
      return { result: reply as TResult };
    },
    close: () => client.close(),
  };
}
