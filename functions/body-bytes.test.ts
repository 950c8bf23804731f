import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import net, { type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newSessionId } from '../shared/domain/ids.ts';
import { LARGEST_BODY_BYTES, LARGEST_COLLECTED_BYTES } from '../shared/http/body.ts';
import { sendChunked } from './testing/endless-body.ts';
import { openTestSuite, type TestLicense, type TestSuite } from './testing/suite.ts';

const MEGABYTES = 31 * 1024 * 1024;
/** What Node takes from a connection while the body is not read: two buffers of 64 KiB and the headers. */
const READ_AHEAD_BYTES = 3 * 64 * 1024;

let suite: TestSuite;
let license: TestLicense;
let sockets: Socket[] = [];
const collect = (message: unknown): void => {
  const { socket } = message as { socket: Socket };
  if (String(socket.localPort) === new URL(suite.doors.unguarded).port) sockets.push(socket);
};

beforeAll(async () => {
  suite = await openTestSuite();
  license = await suite.createLicense();
  subscribe('net.server.socket', collect);
});
afterAll(async () => {
  unsubscribe('net.server.socket', collect);
  await suite.close();
});

/** Sends bodies of 31 MB, eight at once, and returns what was answered and how much the server read of each. */
async function flood(...head: string[]) {
  sockets = [];
  const uploads = await Promise.all(
    Array.from({ length: 8 }, () => sendChunked(suite.doors.unguarded, head, MEGABYTES)),
  );
  return { uploads, taken: sockets.map(({ bytesRead }) => bytesRead) };
}

describe('a body in chunks', () => {
  const spaces = (bytes: number): Buffer => Buffer.alloc(bytes, ' ');
  /** A heartbeat whose body has this size; the answer to a body that is read whole is a 404. */
  async function statusOf(bytes: number): Promise<number | undefined> {
    const json = Buffer.from(JSON.stringify({ session_id: newSessionId(license.licenseId) }));
    const body = Buffer.concat([json, spaces(bytes - json.length)]);
    const { status } = await fetch(`${suite.doors.unguarded}/api/v1/licenses/heartbeat`, {
      method: 'PUT',
      headers: { authorization: `License ${license.key}`, 'content-type': 'application/json' },
      body: new Blob([body]).stream(),
      duplex: 'half',
    });
    return status;
  }

  test('of the largest size is accepted, and one with a byte more is refused', async () => {
    expect(await statusOf(LARGEST_BODY_BYTES)).toBe(404);
    expect(await statusOf(LARGEST_BODY_BYTES + 1)).toBe(413);
  });
});

test('a connection stays open after a refusal of a body of a known, small size', async () => {
  const { port } = new URL(suite.doors.unguarded);
  const socket = net.connect(Number(port), '127.0.0.1');
  const head = 'PUT /api/v1/licenses/heartbeat HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n';
  const answers = new Promise<string>((resolve) => {
    let text = '';
    socket.on('data', (data) => {
      text += data;
      // The body of the first request comes after its answer.
      if (text.match(/HTTP.1.1 401/g)?.length === 1) socket.write(`abc${head}def`);
      else resolve(text);
    });
  });
  socket.write(head);
  expect(await answers).not.toContain('onnection: close');
  socket.destroy();
});

describe('of eight bodies of 31 MB without a length, the server reads a few hundred KB, and answers', () => {
  const PUT = 'PUT /api/v1/licenses/heartbeat HTTP/1.1';
  const JSON_TYPE = 'Content-Type: application/json';

  test.each([
    ['401 without credentials', 401, 0, () => [PUT, JSON_TYPE]],
    [
      '413 with a license key',
      413,
      LARGEST_BODY_BYTES,
      () => [PUT, JSON_TYPE, `Authorization: License ${license.key}`],
    ],
    ['404 at an unknown address', 404, 0, () => ['POST /nothing HTTP/1.1']],
    ['200 where no body is read', 200, 0, () => ['GET /health HTTP/1.1']],
    ['400 to Stripe without a signature', 400, 0, () => ['POST /api/v1/webhooks/stripe HTTP/1.1']],
    [
      '413 to Stripe with any signature',
      413,
      LARGEST_COLLECTED_BYTES,
      () => ['POST /api/v1/webhooks/stripe HTTP/1.1', 'Stripe-Signature: t=1,v1=0'],
    ],
  ])('%s', async (_, status, collectedBytes, head) => {
    const { uploads, taken } = await flood(...head());
    for (const { answer } of uploads) {
      expect(answer).toMatchObject({ status, headers: { connection: 'close' } });
      expect(answer?.body.length).toBeLessThan(400);
    }
    expect(taken).toHaveLength(8);
    for (const bytes of taken) {
      expect(bytes).toBeLessThanOrEqual(collectedBytes + LARGEST_COLLECTED_BYTES + READ_AHEAD_BYTES);
    }
  });
});
