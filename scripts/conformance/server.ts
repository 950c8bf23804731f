import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { SeatEvent } from '../../shared/domain/event.ts';
import type { ServerCall, Started } from './server-worker.ts';

/** How a license is created: the body of `POST /api/v1/licenses`. */
export type Terms = Readonly<Record<string, unknown>>;

export interface License {
  readonly licenseId: string;
  readonly key: string;
}

/** A suite of the kit's own. Its clock only moves forward faster than real time when the kit says so. */
export interface Server {
  readonly url: string;
  /** Milliseconds that the server's clock is ahead of ours. */
  aheadMs(): number;
  moveClock(ms: number): Promise<void>;
  createLicense(terms: Terms): Promise<License>;
  /** Calls the API as operator. Throws unless the status is 2xx. */
  operate(method: string, path: string, body?: unknown): Promise<Record<string, unknown>>;
  eventsOf(licenseId: string): Promise<readonly SeatEvent[]>;
  close(): Promise<void>;
}

export async function startServer(signingKey: string): Promise<Server> {
  const worker = new Worker(new URL('./server-worker.ts', import.meta.url), { workerData: { signingKey } });
  const [{ url, operatorKey }] = (await once(worker, 'message')) as [Started];
  const waiting = new Map<number, (result: unknown) => void>();
  worker.on('message', ({ id, result }) => waiting.get(id)?.(result));
  let calls = 0;
  let aheadMs = 0;

  type Call = ServerCall extends infer C ? (C extends ServerCall ? Omit<C, 'id'> : never) : never;
  function ask(call: Call): Promise<unknown> {
    const id = calls++;
    const { promise, resolve } = Promise.withResolvers<unknown>();
    waiting.set(id, resolve);
    worker.postMessage({ ...call, id });
    return promise;
  }

  const operate: Server['operate'] = async (method, path, body) => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Operator ${operatorKey}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === '' ? {} : JSON.parse(text);
  };

  return {
    url,
    aheadMs: () => aheadMs,
    async moveClock(ms) {
      await ask({ do: 'move clock', ms });
      aheadMs += ms;
    },
    async createLicense(terms) {
      const made = await operate('POST', '/api/v1/licenses', terms);
      return { licenseId: String(made.license_id), key: String(made.license_key) };
    },
    operate,
    eventsOf: async (licenseId) => (await ask({ do: 'read events', licenseId })) as readonly SeatEvent[],
    async close() {
      await ask({ do: 'close' });
      await worker.terminate();
    },
  };
}
