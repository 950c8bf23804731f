import type { AnyHandlers } from '../shared/http/contract.ts';
import { type HttpFunction, type ServeOptions, serve } from '../shared/http/serve.ts';
import type { Deps } from '../shared/ports/deps.ts';
import { type FunctionName, MANIFEST } from './manifest.ts';

/** Where each function's handlers are. Written out, so that a bundler sees every import. */
const HANDLERS: Record<FunctionName, () => Promise<{ default: AnyHandlers }>> = {
  acquire: () => import('./acquire/handler.ts'),
  heartbeat: () => import('./heartbeat/handler.ts'),
  release: () => import('./release/handler.ts'),
  sign: () => import('./sign/handler.ts'),
  'public-key': () => import('./public-key/handler.ts'),
  login: () => import('./login/handler.ts'),
  callback: () => import('./callback/handler.ts'),
  token: () => import('./token/handler.ts'),
  users: () => import('./users/handler.ts'),
  tenants: () => import('./tenants/handler.ts'),
  licenses: () => import('./licenses/handler.ts'),
  trial: () => import('./trial/handler.ts'),
  checkout: () => import('./checkout/handler.ts'),
  subscriptions: () => import('./subscriptions/handler.ts'),
  cancel: () => import('./cancel/handler.ts'),
  usage: () => import('./usage/handler.ts'),
  'stripe-webhook': () => import('./stripe-webhook/handler.ts'),
  sessions: () => import('./sessions/handler.ts'),
  audit: () => import('./audit/handler.ts'),
  'gdpr-export': () => import('./gdpr-export/handler.ts'),
  'gdpr-delete': () => import('./gdpr-delete/handler.ts'),
  health: () => import('./health/handler.ts'),
  sweep: () => import('./sweep/handler.ts'),
  'record-event': () => import('./record-event/handler.ts'),
};

/** Every function of the manifest over the parts that `open` gives. */
export function openSuite(
  open: () => Promise<Deps>,
  options: ServeOptions = { checkAnswers: false },
): Record<FunctionName, HttpFunction> {
  const entries = MANIFEST.map((contract) => [
    contract.name,
    serve(contract, HANDLERS[contract.name], open, options),
  ]);
  return Object.fromEntries(entries);
}
