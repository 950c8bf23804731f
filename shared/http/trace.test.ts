import type { IncomingHttpHeaders } from 'node:http';
import { expect, test } from 'vitest';
import { newLicenseId, newLicenseKey, newSecretWord, newTenantId } from '../domain/ids.ts';
import { nextTraceparent, readTraceparent, requestIdOf, traceFields, traceOf } from './trace.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

const UUID = '5e0c4a51-0d0b-4d6a-9a4e-6e4c3f0a7b10';

test("keeps the caller's request id if it is a UUID or one of ours", () => {
  for (const id of [UUID, UUID.toUpperCase(), `req_${'0a'.repeat(12)}`])
    expect(requestIdOf({ 'x-request-id': id })).toBe(id);
});

test.each([
  ...['short', 'abcdefgh', 'with space', 'line\nbreak', '<script>xx', 'größe-größe', ''],
  ...[`${UUID}0`, ` ${UUID}`, `${UUID}\n`, UUID.replaceAll('-', ''), `${UUID}-${UUID}`],
  ...[newLicenseKey(newLicenseId(newTenantId(16))), `sop_${newSecretWord()}`, newSecretWord()],
  ...['st1.eyJhIjoxfQ.c2ln', 'a'.repeat(32), 'f'.repeat(64), `whsec_${'a'.repeat(32)}`],
])('replaces the request id %j by a new one', (id) => {
  expect(requestIdOf({ 'x-request-id': id })).toMatch(/^req_[0-9a-f]{24}$/);
});

test('gives each request without an id its own id', () => {
  expect(requestIdOf({})).not.toBe(requestIdOf({}));
});

const fieldsOf = (headers: IncomingHttpHeaders, projectId?: string) =>
  traceFields(traceOf(headers), projectId);

test('traceparent links a log line to its trace and span', () => {
  expect(fieldsOf({ traceparent: `00-${TRACE}-${SPAN}-01` }, 'project')).toEqual({
    'logging.googleapis.com/trace': `projects/project/traces/${TRACE}`,
    'logging.googleapis.com/spanId': SPAN,
    'logging.googleapis.com/trace_sampled': true,
  });
});

test.each([
  [`${TRACE}/11;o=1`, { parentId: '000000000000000b', flags: 1 }],
  [`${TRACE}/18446744073709551615;o=0`, { parentId: 'ffffffffffffffff', flags: 0 }],
  [`${TRACE}/0;o=1`, { parentId: undefined, flags: 1 }],
  [`${TRACE};o=1`, { parentId: undefined, flags: 1 }],
  [TRACE, { parentId: undefined, flags: 0 }],
])('reads X-Cloud-Trace-Context (%s) when there is no traceparent', (header, read) => {
  expect(traceOf({ 'x-cloud-trace-context': header })).toEqual({ traceId: TRACE, ...read });
});

test('prefers traceparent over X-Cloud-Trace-Context', () => {
  const headers = {
    traceparent: `00-${'a'.repeat(32)}-${SPAN}-01`,
    'x-cloud-trace-context': `${TRACE}/1;o=1`,
  };
  expect(traceOf(headers)?.traceId).toBe('a'.repeat(32));
});

test('uses the trace id as the name when there is no project', () => {
  expect(fieldsOf({ 'x-cloud-trace-context': TRACE })).toMatchObject({
    'logging.googleapis.com/trace': TRACE,
  });
});

test('reads the known fields of a traceparent of a later version', () => {
  for (const more of ['', '-later-fields']) {
    expect(traceOf({ traceparent: `cc-${TRACE}-${SPAN}-01${more}` })).toEqual({
      traceId: TRACE,
      parentId: SPAN,
      flags: 1,
    });
  }
});

test.each([
  '',
  'garbage',
  `00-${TRACE}`,
  `00-${TRACE.toUpperCase()}-${SPAN}-01`,
  `00-${TRACE}-${SPAN}`,
  `00-${TRACE}-${SPAN}-1`,
  `00-${TRACE}-${SPAN}-01-more`,
  `00-${TRACE}-${SPAN}-01.more`,
  `ff-${TRACE}-${SPAN}-01`,
  `00-${'0'.repeat(32)}-${SPAN}-01`,
  `00-${TRACE}-${'0'.repeat(16)}-01`,
  `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`,
  `${TRACE}${TRACE}`,
])('ignores the traceparent %j', (header) => {
  expect(fieldsOf({ traceparent: header }, 'project')).toEqual({});
});

test.each(['', 'garbage', '0'.repeat(32), `x${TRACE}`, TRACE.toUpperCase()])(
  'ignores the X-Cloud-Trace-Context %j',
  (header) => {
    expect(fieldsOf({ 'x-cloud-trace-context': header }, 'project')).toEqual({});
  },
);

test.each([
  ['00', '00'],
  ['01', '01'],
  ['02', '02'],
  ['03', '03'],
  ['ff', '03'],
])('passes on the same trace with flags %s as %s, and a new span each time', (flags, passedOn) => {
  const trace = readTraceparent(`00-${TRACE}-${SPAN}-${flags}`);
  if (!trace) throw new Error('the traceparent is valid');
  const [first, second] = [nextTraceparent(trace), nextTraceparent(trace)];
  expect(first).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-${passedOn}$`));
  expect(new Set([first.split('-')[2], second.split('-')[2], SPAN]).size).toBe(3);
});
