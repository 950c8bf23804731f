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
  const asked: (string | undefined)[] = [];
  const told: Verdict[] = [];
  await verify(
    async (cursor) => {
      asked.push(cursor);
      return parts[asked.length - 1] ?? PART;
    },
    (verdict) => told.push(verdict),
    signal,
  );
  return { asked, told };
}

test('a long log is checked to its end, and what was found in each part of it is kept', async () => {
  const head = { seq: 3, hash: 'h' };
  const { asked, told } = await check([
    { ...PART, problems: [CHANGED], next_cursor: 'more' },
    { ...PART, unsealed: 1, head },
  ]);
  expect(asked).toEqual([undefined, 'more']);
  expect(told.map(({ sealed, isWhole }) => [sealed, isWhole])).toEqual([
    [2, false],
    [4, true],
  ]);
  expect(told.at(-1)).toEqual({ sealed: 4, unsealed: 1, head, problems: [CHANGED], isWhole: true });
});

test('nothing more is asked once nobody waits for the answer', async () => {
  const gone = new AbortController();
  gone.abort();
  expect((await check([PART], gone.signal)).asked).toEqual([]);
});
