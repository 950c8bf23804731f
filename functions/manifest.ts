// Generated from the folder names by `npm run generate`.
import type { FunctionContract } from '../shared/http/contract.ts';
import acquire from './acquire/contract.ts';
import audit from './audit/contract.ts';
import authorize from './authorize/contract.ts';
import callback from './callback/contract.ts';
import cancel from './cancel/contract.ts';
import checkout from './checkout/contract.ts';
import device from './device/contract.ts';
import gdprDelete from './gdpr-delete/contract.ts';
import gdprExport from './gdpr-export/contract.ts';
import health from './health/contract.ts';
import heartbeat from './heartbeat/contract.ts';
import licenses from './licenses/contract.ts';
import operatorTokens from './operator-tokens/contract.ts';
import publicKey from './public-key/contract.ts';
import recordEvent from './record-event/contract.ts';
import release from './release/contract.ts';
import revocations from './revocations/contract.ts';
import sessions from './sessions/contract.ts';
import sign from './sign/contract.ts';
import stripeEvents from './stripe-events/contract.ts';
import stripeWebhook from './stripe-webhook/contract.ts';
import subscriptions from './subscriptions/contract.ts';
import sweep from './sweep/contract.ts';
import tenants from './tenants/contract.ts';
import token from './token/contract.ts';
import trial from './trial/contract.ts';
import usage from './usage/contract.ts';
import users from './users/contract.ts';

/** The contract of every function of the suite. */
export const MANIFEST = [
  acquire,
  audit,
  authorize,
  callback,
  cancel,
  checkout,
  device,
  gdprDelete,
  gdprExport,
  health,
  heartbeat,
  licenses,
  operatorTokens,
  publicKey,
  recordEvent,
  release,
  revocations,
  sessions,
  sign,
  stripeEvents,
  stripeWebhook,
  subscriptions,
  sweep,
  tenants,
  token,
  trial,
  usage,
  users,
] as const satisfies readonly FunctionContract[];

export type FunctionName = (typeof MANIFEST)[number]['name'];
