import { expect, test } from 'vitest';
import { requestIdOf, traceFields } from './trace.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

test("the caller's request id is kept where it is a plain word", () => {
  for (const id of ['abcdefgh', 'req-1234_5678', 'x'.repeat(64)]) {
    expect(requestIdOf({ 'x-request-id': id })).toBe(id);
  }
});

test.each(['short', 'x'.repeat(65), 'with space', 'line\nbreak', '<script>xx', 'größe-größe', ''])(
  'a request id %j is replaced by one of ours',
  (id) => {
    expect(requestIdOf({ 'x-request-id': id })).toMatch(/^req_[0-9a-f]{24}$/);
  },
);

test('two requests without an id get two', () => {
  expect(requestIdOf({})).not.toBe(requestIdOf({}));
});

test('traceparent ties a log line to its trace and span', () => {
  expect(traceFields({ traceparent: `00-${TRACE}-${SPAN}-01` }, 'project')).toEqual({
    'logging.googleapis.com/trace': `projects/project/traces/${TRACE}`,
    'logging.googleapis.com/spanId': SPAN,
  });
});

test('X-Cloud-Trace-Context does where there is no traceparent', () => {
  const google = `${TRACE}/1;o=1`;
  expect(traceFields({ 'x-cloud-trace-context': google }, 'project')).toEqual({
    'logging.googleapis.com/trace': `projects/project/traces/${TRACE}`,
  });
  const other = 'a'.repeat(32);
  expect(
    traceFields({ traceparent: `00-${other}-${SPAN}-01`, 'x-cloud-trace-context': google }, 'project'),
  ).toMatchObject({ 'logging.googleapis.com/trace': `projects/project/traces/${other}` });
});

test('without a project the trace is named by itself', () => {
  expect(traceFields({ 'x-cloud-trace-context': TRACE }, undefined)).toEqual({
    'logging.googleapis.com/trace': TRACE,
  });
});

test.each([
  '',
  'garbage',
  `00-${TRACE}`,
  `00-${TRACE.toUpperCase()}-${SPAN}-01`,
  `00-${TRACE}-${SPAN}`,
  `${TRACE}${TRACE}`,
])('a trace header %j is passed over', (header) => {
  expect(traceFields({ traceparent: header, 'x-cloud-trace-context': `x${header}` }, 'project')).toEqual({});
});
