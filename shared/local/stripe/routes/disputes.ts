import { found } from '../state.ts';
import { none } from './kinds.ts';
import { type Route, route } from './route.ts';

export const DISPUTES: readonly Route[] = [
  route('GET', /^\/v1\/disputes\/(\w+)$/, none, ({ state }, _, id) => found(state.disputes, id, 'dispute')),
];
