import type { FunctionContract } from '../shared/http/contract.ts';
import acquire from './acquire/contract.ts';
import audit from './audit/contract.ts';
import health from './health/contract.ts';
import heartbeat from './heartbeat/contract.ts';
import licenses from './licenses/contract.ts';
import publicKey from './public-key/contract.ts';
import recordEvent from './record-event/contract.ts';
import release from './release/contract.ts';
import sessions from './sessions/contract.ts';
import sign from './sign/contract.ts';
import sweep from './sweep/contract.ts';

/** Every function of the suite: the only list of them. */
export const MANIFEST = [
  acquire,
  heartbeat,
  release,
  sign,
  publicKey,
  licenses,
  sessions,
  audit,
  health,
  sweep,
  recordEvent,
] as const satisfies readonly FunctionContract[];

export type FunctionName = (typeof MANIFEST)[number]['name'];
