import { createSocket } from 'node:dgram';
import type { AddressInfo } from 'node:net';

/** What the server knows of a name: its TXT records, no such name, a failure of its own, or no answer at all. */
export type DnsAnswer = readonly string[] | 'NXDOMAIN' | 'SERVFAIL' | 'silence';

const RCODES = { SERVFAIL: 2, NXDOMAIN: 3 } as const;

/** A DNS server on UDP that answers TXT queries (RFC 1035 section 4), and nothing else. */
export async function startDnsServer(
  answerTo: (name: string) => DnsAnswer,
): Promise<{ readonly address: string; close(): Promise<void> }> {
  const socket = createSocket('udp4');
  socket.on('message', (query, { port, address }) => {
    const question = query.subarray(12, endOfQuestion(query));
    const answer = answerTo(nameIn(question));
    if (answer === 'silence') return;
    const records = typeof answer === 'string' ? [] : answer.map(recordOf);
    const header = Buffer.alloc(12);
    query.copy(header, 0, 0, 2);
    // A response, with recursion desired and available.
    header.writeUInt16BE(0x8180 | (typeof answer === 'string' ? RCODES[answer] : 0), 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(records.length, 6);
    socket.send(Buffer.concat([header, question, ...records]), port, address);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const { port }: AddressInfo = socket.address();
  return {
    address: `127.0.0.1:${port}`,
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

function endOfQuestion(query: Buffer): number {
  return query.indexOf(0, 12) + 1 + 4;
}

function nameIn(question: Buffer): string {
  const labels: string[] = [];
  for (let at = 0; question[at]; at += 1 + (question[at] ?? 0))
    labels.push(question.toString('latin1', at + 1, at + 1 + (question[at] ?? 0)));
  return labels.join('.');
}

/** A TXT record: a pointer to the name of the question, type, class, lifetime, and the text in parts of 255 bytes. */
function recordOf(text: string): Buffer {
  const bytes = Buffer.from(text);
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += 255) {
    const part = bytes.subarray(at, at + 255);
    parts.push(Buffer.from([part.length]), part);
  }
  const data = Buffer.concat(parts);
  const head = Buffer.from([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 0, data.length >> 8, data.length & 255]);
  return Buffer.concat([head, data]);
}
