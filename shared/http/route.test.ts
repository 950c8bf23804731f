import { expect, test } from 'vitest';
import { defineFunction } from './contract.ts';
import { matchPath, matchRoute, publicRoutes } from './route.ts';

const endpoint = { summary: '', auth: ['anyone'], answers: {}, problems: [] } as const;
const common = {
  summary: '',
  memoryMiB: 256,
  concurrency: 1,
  maxInstances: 1,
  timeoutSeconds: 1,
  roles: [],
  uses: [],
} as const;
const one = defineFunction({
  ...common,
  name: 'one',
  endpoints: {
    read: { ...endpoint, method: 'GET', path: '/api/things' },
    create: { ...endpoint, method: 'POST', path: '/api/things' },
  },
});
const many = defineFunction({
  ...common,
  name: 'many',
  endpoints: {
    read: { ...endpoint, method: 'GET', path: '/api/things/{id}' },
    notify: { ...endpoint, method: 'POST', path: '/api/things/{id}/notify/{name}' },
  },
});

test('finds the endpoint by path and method, and returns the path parameters', () => {
  expect(matchRoute(many, 'POST', '/api/things/7/notify/ada')).toMatchObject({
    found: 'endpoint',
    name: 'notify',
    params: { id: '7', name: 'ada' },
  });
});

test('serves HEAD only where GET is served', () => {
  expect(matchRoute(one, 'HEAD', '/api/things')).toMatchObject({ found: 'endpoint', name: 'read' });
  expect(matchRoute(many, 'HEAD', '/api/things/7/notify/ada')).toEqual({ found: 'path', allow: ['POST'] });
});

test('lists the allowed methods of a path for another method', () => {
  expect(matchRoute(one, 'DELETE', '/api/things')).toEqual({ found: 'path', allow: ['GET', 'POST'] });
  expect(matchRoute(one, 'get', '/api/things')).toMatchObject({ found: 'path' });
});

test('serves a function with one path also at "/", but not a function with several paths', () => {
  expect(matchRoute(one, 'POST', '/')).toMatchObject({ found: 'endpoint', name: 'create', params: {} });
  expect(matchRoute(one, 'PUT', '/')).toEqual({ found: 'path', allow: ['GET', 'POST'] });
  expect(matchRoute(many, 'GET', '/')).toEqual({ found: 'nothing' });
});

test.each([
  '/api/things/',
  '//api/things',
  '/API/things',
  '/api/things/7/notify',
  '',
  '/api',
  'api/things',
  '*',
  '/api%2fthings',
])('finds nothing at %j', (path) => {
  expect(matchRoute(one, 'GET', path)).toEqual({ found: 'nothing' });
});

test('a parameter is one non-empty, decoded segment', () => {
  expect(matchPath('/a/{id}', '/a/x%2Fy%20z')).toEqual({ id: 'x/y z' });
  expect(matchPath('/a/{id}', '/a/__proto__')).toEqual({ id: '__proto__' });
  for (const path of ['/a/', '/a/%', '/a/%ff', '/a/b/c', '/a'])
    expect(matchPath('/a/{id}', path)).toBeUndefined();
});

test('lists each public path once, more literal paths first', () => {
  const literal = defineFunction({
    ...common,
    name: 'literal',
    endpoints: { all: { ...endpoint, method: 'GET', path: '/api/things/all' } },
  });
  expect(publicRoutes([many, one, literal])).toEqual([
    { path: '/api/things', functionName: 'one' },
    { path: '/api/things/all', functionName: 'literal' },
    { path: '/api/things/{id}', functionName: 'many' },
    { path: '/api/things/{id}/notify/{name}', functionName: 'many' },
  ]);
});
