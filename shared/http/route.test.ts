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
  secrets: [],
} as const;
const one = defineFunction({
  ...common,
  name: 'one',
  endpoints: {
    read: { ...endpoint, method: 'GET', path: '/api/things' },
    make: { ...endpoint, method: 'POST', path: '/api/things' },
  },
});
const many = defineFunction({
  ...common,
  name: 'many',
  endpoints: {
    read: { ...endpoint, method: 'GET', path: '/api/things/{id}' },
    tell: { ...endpoint, method: 'POST', path: '/api/things/{id}/tell/{name}' },
  },
});

test('an address leads to the endpoint of its path and method, with its parameters', () => {
  expect(matchRoute(many, 'POST', '/api/things/7/tell/ada')).toMatchObject({
    found: 'endpoint',
    name: 'tell',
    params: { id: '7', name: 'ada' },
  });
});

test('HEAD is served where GET is, and nowhere else', () => {
  expect(matchRoute(one, 'HEAD', '/api/things')).toMatchObject({ found: 'endpoint', name: 'read' });
  expect(matchRoute(many, 'HEAD', '/api/things/7/tell/ada')).toEqual({ found: 'path', allow: ['POST'] });
});

test('another method is told which ones there are', () => {
  expect(matchRoute(one, 'DELETE', '/api/things')).toEqual({ found: 'path', allow: ['GET', 'POST'] });
  expect(matchRoute(one, 'get', '/api/things')).toMatchObject({ found: 'path' });
});

test('a function of one path also answers at its own root; one of several cannot know which is meant', () => {
  expect(matchRoute(one, 'POST', '/')).toMatchObject({ found: 'endpoint', name: 'make', params: {} });
  expect(matchRoute(one, 'PUT', '/')).toEqual({ found: 'path', allow: ['GET', 'POST'] });
  expect(matchRoute(many, 'GET', '/')).toEqual({ found: 'nothing' });
});

test.each([
  '/api/things/',
  '//api/things',
  '/API/things',
  '/api/things/7/tell',
  '',
  '/api',
  'api/things',
  '*',
  '/api%2fthings',
])('there is nothing at %j', (path) => {
  expect(matchRoute(one, 'GET', path)).toEqual({ found: 'nothing' });
});

test('a parameter is one segment, decoded, and never empty', () => {
  expect(matchPath('/a/{id}', '/a/x%2Fy%20z')).toEqual({ id: 'x/y z' });
  expect(matchPath('/a/{id}', '/a/__proto__')).toEqual({ id: '__proto__' });
  for (const path of ['/a/', '/a/%', '/a/%ff', '/a/b/c', '/a'])
    expect(matchPath('/a/{id}', path)).toBeUndefined();
});

test('of two addresses that fit, the more literal one comes first, each once', () => {
  const literal = defineFunction({
    ...common,
    name: 'literal',
    endpoints: { all: { ...endpoint, method: 'GET', path: '/api/things/all' } },
  });
  expect(publicRoutes([many, one, literal])).toEqual([
    { path: '/api/things', functionName: 'one' },
    { path: '/api/things/all', functionName: 'literal' },
    { path: '/api/things/{id}', functionName: 'many' },
    { path: '/api/things/{id}/tell/{name}', functionName: 'many' },
  ]);
});
