import type { TestLicense } from './suite.ts';

/** Whether another machine gets the only seat of a license now. */
export async function isFree(license: TestLicense): Promise<boolean> {
  const { status, body, text } = await license.acquire('another machine');
  if (status === 201) await license.release(body.session_id);
  else if (status !== 409) throw new Error(`neither granted nor denied: ${text}`);
  return status === 201;
}
