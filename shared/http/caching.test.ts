import { expect, test } from 'vitest';
import { cacheable } from './caching.ts';

const answer = { status: 200, headers: { 'content-type': 'application/json' }, body: { keys: ['a'] } };

test('a public answer says for how long it may be kept, and what its content is known by', () => {
  const { status, headers, body } = cacheable(answer, 300, undefined);
  expect([status, body]).toEqual([200, answer.body]);
  expect(headers).toMatchObject({
    'cache-control': 'public, max-age=300',
    etag: expect.stringMatching(/^"[\w-]{43}"$/),
  });
  expect(cacheable({ ...answer, body: { keys: ['b'] } }, 300, undefined).headers.etag).not.toBe(headers.etag);
});

test.each([(tag: string) => tag, (tag: string) => `W/${tag}`, (tag: string) => `"x", ${tag}`, () => '*'])(
  'who has it already is told so, without the content (%s)',
  (said) => {
    const { headers } = cacheable(answer, 300, undefined);
    const again = cacheable(answer, 300, said(String(headers.etag)));
    expect(again).toEqual({ status: 304, headers });
    expect(again).not.toHaveProperty('body');
  },
);

test.each(['', '"x"', 'x', 'W/"x", "y"'])('who has something else (%j) gets it', (said) => {
  expect(cacheable(answer, 300, said)).toMatchObject({ status: 200, body: answer.body });
});
