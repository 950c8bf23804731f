import { Redis, type Requester } from '@upstash/redis';

/**
 * The Redis client over our own transport, with every reply as Redis sent it.
 *
 * The stock client parses each string as JSON, which turns the session id `"123"` into the number 123. With that turned
 * off, replies are not reshaped either: `hgetall` returns a flat array of names and values (`[]` if there is no hash),
 * whatever its type says, so decode every reply with a schema. Commands are sent one by one as they are called (no
 * auto-pipelining), so that one call is one command.
 */
export function openRedis(requester: Requester): Redis {
  return new PlainRedis(requester);
}

/**
 * The public constructor takes either a URL with options or a requester without options, so the option can only be set
 * on the client's own field.
 */
class PlainRedis extends Redis {
  constructor(requester: Requester) {
    super(requester);
    this.opts = { automaticDeserialization: false };
  }
}
