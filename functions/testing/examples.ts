// Generated from the folder names by `npm run generate`.
import acquire from '../acquire/example.ts';
import audit from '../audit/example.ts';
import authorize from '../authorize/example.ts';
import callback from '../callback/example.ts';
import cancel from '../cancel/example.ts';
import checkout from '../checkout/example.ts';
import device from '../device/example.ts';
import gdprDelete from '../gdpr-delete/example.ts';
import gdprExport from '../gdpr-export/example.ts';
import health from '../health/example.ts';
import heartbeat from '../heartbeat/example.ts';
import licenses from '../licenses/example.ts';
import operatorTokens from '../operator-tokens/example.ts';
import publicKey from '../public-key/example.ts';
import recordEvent from '../record-event/example.ts';
import release from '../release/example.ts';
import revocations from '../revocations/example.ts';
import sessions from '../sessions/example.ts';
import sign from '../sign/example.ts';
import stripeEvents from '../stripe-events/example.ts';
import stripeWebhook from '../stripe-webhook/example.ts';
import subscriptions from '../subscriptions/example.ts';
import sweep from '../sweep/example.ts';
import tenants from '../tenants/example.ts';
import token from '../token/example.ts';
import trial from '../trial/example.ts';
import usage from '../usage/example.ts';
import users from '../users/example.ts';
import type { FunctionName } from '../manifest.ts';
import type { AnyExamples } from '../example.ts';

/** The sample requests of each function. */
export const EXAMPLES: Readonly<Record<FunctionName, AnyExamples>> = {
  acquire,
  audit,
  authorize,
  callback,
  cancel,
  checkout,
  device,
  'gdpr-delete': gdprDelete,
  'gdpr-export': gdprExport,
  health,
  heartbeat,
  licenses,
  'operator-tokens': operatorTokens,
  'public-key': publicKey,
  'record-event': recordEvent,
  release,
  revocations,
  sessions,
  sign,
  'stripe-events': stripeEvents,
  'stripe-webhook': stripeWebhook,
  subscriptions,
  sweep,
  tenants,
  token,
  trial,
  usage,
  users,
};
