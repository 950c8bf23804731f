import { createWriteStream, readFileSync } from 'node:fs';
import http from 'node:http';
import * as z from 'zod/mini';

/** A request as its client saw it: all that the checker knows about seats. */
export const RequestSchema = z.object({
  /** A program, which is started again and again. */
  client: z.string(),
  /** The fingerprint of its machine, which holds the seat. Programs of one machine share it. */
  machine: z.string(),
  licenseId: z.string(),
  op: z.enum(['acquire', 'heartbeat', 'release']),
  /** `fresh` clients run at the end, to check that every seat is free again. */
  phase: z.enum(['chaos', 'fresh']),
  sentMs: z.int(),
  /** When the response arrived, or the client gave up. */
  endedMs: z.int(),
  /** `null` for no response: whether the server carried out the request is unknown. */
  status: z.nullable(z.int()),
  /** Why there was no response. */
  lost: z.optional(z.string()),
  /** Error code of the response. */
  code: z.optional(z.string()),
  /** Why the session has ended, if the response says so. */
  ended: z.optional(z.string()),
  /** The session in the request or, for an acquire, in the response. */
  sessionId: z.optional(z.string()),
  /** End of the lease that the response confirms. */
  expiresAtMs: z.optional(z.int()),
  ttlMs: z.optional(z.int()),
  /** The response says that the lease had expired and the seat was taken again. */
  revived: z.optional(z.boolean()),
});
export type Request = z.infer<typeof RequestSchema>;

export interface RequestLog {
  write(request: Request): void;
  close(): Promise<void>;
}

export function openRequestLog(file: string): RequestLog {
  const stream = createWriteStream(file, { flags: 'a' });
  return {
    write: (request) => void stream.write(`${JSON.stringify(request)}\n`),
    close: () =>
      new Promise((resolve, reject) => {
        stream.on('error', reject);
        stream.end(resolve);
      }),
  };
}

export function readRequestLog(file: string): Request[] {
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => z.parse(RequestSchema, JSON.parse(line)));
}

export type Outcome =
  | { readonly status: number; readonly body: unknown }
  | { readonly status: null; readonly lost: string };

export interface Call {
  readonly port: number;
  readonly method: string;
  readonly path: string;
  readonly authorization: string;
  readonly body?: unknown;
  readonly timeoutMs: number;
}

/** Connections are kept alive, as in an SDK, so that faults hit idle connections as well as busy ones. */
export const agent = new http.Agent({ keepAlive: true });

/** Sends one request without retries, so that every request sent is known. Ends within `timeoutMs`. */
export function sendRequest({ port, method, path, authorization, body, timeoutMs }: Call): Promise<Outcome> {
  const text = body === undefined ? '' : JSON.stringify(body);
  return new Promise((resolve) => {
    const outgoing = http.request({
      agent,
      host: '127.0.0.1',
      port,
      method,
      path,
      headers: {
        authorization,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        'content-length': Buffer.byteLength(text),
      },
    });
    const end = (outcome: Outcome): void => {
      clearTimeout(timer);
      resolve(outcome);
    };
    const lose = (lost: string): void => {
      end({ status: null, lost });
      outgoing.destroy();
    };
    const timer = setTimeout(() => lose('no answer in time'), timeoutMs);
    outgoing.on('error', (error: NodeJS.ErrnoException) => lose(error.code ?? error.message));
    outgoing.on('response', (incoming) => {
      const pieces: Buffer[] = [];
      incoming.on('data', (piece: Buffer) => pieces.push(piece));
      incoming.on('error', (error: NodeJS.ErrnoException) => lose(error.code ?? error.message));
      incoming.on('end', () => {
        const answer = Buffer.concat(pieces).toString();
        const isJson = incoming.headers['content-type']?.includes('json') && answer !== '';
        end({ status: incoming.statusCode ?? 0, body: isJson ? JSON.parse(answer) : undefined });
      });
    });
    outgoing.end(text);
  });
}
