import type { ServerResponse } from 'node:http';
import { engineIn } from './redis-engine.ts';

const redis = engineIn(process.env);

/** The least that a function with one Redis call can cost: no credentials, schema, script or log. */
export async function bareCall(_request: unknown, response: ServerResponse & { send(body: string): void }) {
  await redis.command(['INCR', 'calls']);
  response.send('Hello, World');
}
