import { expect, test } from 'vitest';
import type { AuditCheck } from '../../../sdk/src/api.ts';
import { type Verdict, verify } from './verify.ts';

const PART: AuditCheck = {
  tenant_id: 'ten_1',
  sealed: 2,
  unsealed: 0,
  head: null,
  problems: [],
  next_cursor: null,
};
const CHANGED = { kind: 'CHANGED', seq: 1, event_id: 'evt_1', detail: 'is another' } as const;

async function check(parts: readonly AuditCheck[], signal = new AbortController().signal) {
  const cursors: (string | undefined)[] = [];
  const verdicts: Verdict[] = [];
  await verify(
    async (cursor) => {
      cursors.push(cursor);
      return parts[cursors.length - 1] ?? PART;
    },
    (verdict) => verdicts.push(verdict),
    signal,
  );
  return { cursors, verdicts };
}

test('verifies a long log to its end and keeps the problems of each page', async () => {
  const head = { seq: 3, hash: 'h' };
  const { cursors, verdicts } = await check([
    { ...PART, problems: [CHANGED], next_cursor: 'more' },
    { ...PART, unsealed: 1, head },
  ]);
  expect(cursors).toEqual([undefined, 'more']);
  expect(verdicts.map(({ sealed, isComplete }) => [sealed, isComplete])).toEqual([
    [2, false],
    [4, true],
  ]);
  expect(verdicts.at(-1)).toEqual({ sealed: 4, unsealed: 1, head, problems: [CHANGED], isComplete: true });
});

test('stops when the signal is aborted', async () => {
  const aborted = new AbortController();
  aborted.abort();
  expect((await check([PART], aborted.signal)).cursors).toEqual([]);
});
