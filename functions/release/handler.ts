import { licenseOfSession } from '../../shared/domain/ids.ts';
import type { Caller, HandlersOf, Refusal } from '../../shared/http/contract.ts';
import { refuseKey } from '../../shared/http/license-trouble.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import type contract from './contract.ts';

export default {
  async release({ body, caller }, deps) {
    return (await giveBack(body, caller, deps)) ?? { answer: 'ended', body: undefined };
  },

  async end({ params, caller }, deps) {
    if (caller.kind === 'license') {
      return (await giveBack(params, caller, deps)) ?? { answer: 'ended', body: undefined };
    }
    const sessionId = params.session_id;
    const licenseId = licenseOfSession(sessionId);
    const { verdict } = await deps.seats.release({
      licenseId,
      proof: caller.proof,
      sessionId,
      reason: 'evicted',
    });
    if (verdict === 'UNKNOWN_SESSION' || verdict === 'UNKNOWN_LICENSE')
      return { problem: 'SESSION_NOT_FOUND' };
    return { answer: 'ended', body: undefined };
  },
} satisfies HandlersOf<typeof contract>;

/** The refusal, if any. Whether there was such a session is nobody's business who does not hold it. */
async function giveBack(
  { session_id: sessionId, session_token: token }: { session_id: string; session_token?: string | undefined },
  caller: Extract<Caller, { kind: 'license' }>,
  deps: Deps,
): Promise<Refusal<'CREDENTIALS_INVALID'> | undefined> {
  const { licenseId, proof } = caller;
  // Another license's session: the key is proven all the same, on a session that no license has.
  const own = licenseOfSession(sessionId) === licenseId ? sessionId : '';
  const { verdict } = await deps.seats.release({
    licenseId,
    proof,
    sessionId: own,
    reason: 'released',
    proven: deps.sessionTokens.open(own, token),
  });
  return verdict === 'UNKNOWN_LICENSE' || verdict === 'WRONG_KEY' ? refuseKey(verdict) : undefined;
}
