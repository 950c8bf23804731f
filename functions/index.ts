// Generated from the folder names by `npm run generate`.
import type { AnyHandlers } from '../shared/http/contract.ts';
import type { FunctionName } from './manifest.ts';

/** Loads the handlers of each function. */
export const HANDLERS: Readonly<Record<FunctionName, () => Promise<{ default: AnyHandlers }>>> = {
  acquire: () => import('./acquire/handler.ts'),
  audit: () => import('./audit/handler.ts'),
  authorize: () => import('./authorize/handler.ts'),
  callback: () => import('./callback/handler.ts'),
  cancel: () => import('./cancel/handler.ts'),
  checkout: () => import('./checkout/handler.ts'),
  device: () => import('./device/handler.ts'),
  'gdpr-delete': () => import('./gdpr-delete/handler.ts'),
  'gdpr-export': () => import('./gdpr-export/handler.ts'),
  health: () => import('./health/handler.ts'),
  heartbeat: () => import('./heartbeat/handler.ts'),
  licenses: () => import('./licenses/handler.ts'),
  'operator-tokens': () => import('./operator-tokens/handler.ts'),
  'public-key': () => import('./public-key/handler.ts'),
  'record-event': () => import('./record-event/handler.ts'),
  release: () => import('./release/handler.ts'),
  revocations: () => import('./revocations/handler.ts'),
  sessions: () => import('./sessions/handler.ts'),
  sign: () => import('./sign/handler.ts'),
  'stripe-events': () => import('./stripe-events/handler.ts'),
  'stripe-webhook': () => import('./stripe-webhook/handler.ts'),
  subscriptions: () => import('./subscriptions/handler.ts'),
  sweep: () => import('./sweep/handler.ts'),
  tenants: () => import('./tenants/handler.ts'),
  token: () => import('./token/handler.ts'),
  trial: () => import('./trial/handler.ts'),
  usage: () => import('./usage/handler.ts'),
  users: () => import('./users/handler.ts'),
};
