import { beginDeviceSignIn, type DeviceSignIn, newUserCode, type Ticket } from '../domain/device-sign-in.ts';
import { isLiving } from '../domain/users.ts';
import { DEVICE_SIGN_INS, USERS } from '../ports/collections.ts';
import type { Deps } from '../ports/deps.ts';

/** Of 20^8 user codes only those in use are taken, so that this many attempts are enough. */
const ATTEMPTS = 5;

function idOf(userCode: string, { pseudonymOf }: Deps): string {
  return pseudonymOf('device', userCode);
}

/** Stores the request of a device, and returns both of its codes. They are not stored. */
export async function createDeviceSignIn(
  clientId: string,
  deps: Deps,
): Promise<{ readonly deviceCode: string; readonly userCode: string }> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const userCode = newUserCode();
    const deviceSignInId = idOf(userCode, deps);
    const { document, deviceCode } = beginDeviceSignIn(deviceSignInId, clientId, deps.clock.nowMs());
    if ((await deps.records.create(DEVICE_SIGN_INS, deviceSignInId, document)) === 'CREATED')
      return { deviceCode, userCode };
  }
  throw new Error(`no free user code in ${ATTEMPTS} attempts`);
}

/** The request that waits for the user with this code. */
export async function findDeviceSignIn(userCode: string, deps: Deps): Promise<DeviceSignIn | undefined> {
  const found = await deps.records.get(DEVICE_SIGN_INS, idOf(userCode, deps));
  return found && isWaiting(found, deps) ? found : undefined;
}

/** Stores what the user decided, once. `undefined` if nothing waits for it any more, or the user is gone. */
export async function decideDeviceSignIn(
  { userCode, userId }: Ticket,
  decision: 'allow' | 'deny',
  deps: Deps,
): Promise<DeviceSignIn | undefined> {
  const id = idOf(userCode, deps);
  return deps.records.transact(async (transaction) => {
    const found = await transaction.get(DEVICE_SIGN_INS, id);
    const user = await transaction.get(USERS, userId);
    if (!found || !isWaiting(found, deps) || !isLiving(user)) return undefined;
    const decided: DeviceSignIn =
      decision === 'allow' ? { ...found, status: 'allowed', userId } : { ...found, status: 'denied' };
    transaction.set(DEVICE_SIGN_INS, id, decided);
    return decided;
  });
}

function isWaiting({ status, expiresAtMs }: DeviceSignIn, { clock }: Deps): boolean {
  return status === 'pending' && clock.nowMs() < expiresAtMs;
}
