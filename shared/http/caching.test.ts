import { expect, test } from 'vitest';
import { cacheable } from './caching.ts';

const answer = { status: 200, headers: { 'content-type': 'application/json' }, body: { keys: ['a'] } };

test('a public answer has a max-age and an entity tag that depends on its content', () => {
  const { status, headers, body } = cacheable(answer, 300, undefined);
  expect([status, body]).toEqual([200, answer.body]);
  expect(headers).toMatchObject({
    'cache-control': 'public, max-age=300',
    etag: expect.stringMatching(/^"[\w-]{43}"$/),
  });
  expect(cacheable({ ...answer, body: { keys: ['b'] } }, 300, undefined).headers.etag).not.toBe(headers.etag);
});

test.each([(tag: string) => tag, (tag: string) => `W/${tag}`, (tag: string) => `"x", ${tag}`, () => '*'])(
  'answers 304 without a body when If-None-Match has the current tag (%s)',
  (ifNoneMatch) => {
    const { headers } = cacheable(answer, 300, undefined);
    const again = cacheable(answer, 300, ifNoneMatch(String(headers.etag)));
    expect(again).toEqual({ status: 304, headers });
    expect(again).not.toHaveProperty('body');
  },
);

test.each(['', '"x"', 'x', 'W/"x", "y"'])('answers in full when If-None-Match is %j', (ifNoneMatch) => {
  expect(cacheable(answer, 300, ifNoneMatch)).toMatchObject({ status: 200, body: answer.body });
});
