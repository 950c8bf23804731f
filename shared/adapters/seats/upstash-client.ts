import { Redis, type Requester } from '@upstash/redis';

/**
 * The Redis client over a transport of ours, with every reply left as Redis gave it.
 *
 * The stock client parses each string as JSON, which turns the session id `"123"` into the number 123. With that
 * off nothing is reshaped either: `hgetall` gives a flat array of names and values (`[]` where there is no hash),
 * whatever its type says, so decode every reply with a schema. Commands are sent one by one as they are called
 * (no auto-pipelining), so that one call is one command on the wire.
 */
export function openRedis(requester: Requester): Redis {
  return new PlainRedis(requester);
}

/**
 * The public constructor takes either a URL with options or a requester without any, so the option can only be
 * set from inside, where the client keeps it.
 */
class PlainRedis extends Redis {
  constructor(requester: Requester) {
    super(requester);
    this.opts = { automaticDeserialization: false };
  }
}
