import { found } from '../state.ts';
import { none } from './kinds.ts';
import { type Route, route } from './route.ts';

export const CHARGES: readonly Route[] = [
  route('GET', /^\/v1\/charges\/(\w+)$/, none, ({ state }, _, id) => found(state.charges, id, 'charge')),
];
