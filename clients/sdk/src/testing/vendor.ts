/** A vendor's signing key, made by the test. */
export interface Vendor {
  readonly pem: string;
  readonly jwk: object;
  /** A token as the server signs it, with other fields of its head and its claims where they are given. */
  sign(license: object, head?: object, claims?: object): Promise<string>;
}

const ALGORITHM = {
  name: 'RSASSA-PKCS1-v1_5',
  modulusLength: 2048,
  hash: 'SHA-256',
  publicExponent: new Uint8Array([1, 0, 1]),
};

export async function testVendor(kid = 'key-1'): Promise<Vendor> {
  const { publicKey, privateKey } = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const spki = Buffer.from(await crypto.subtle.exportKey('spki', publicKey)).toString('base64');
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return {
    pem: `-----BEGIN PUBLIC KEY-----\n${spki}\n-----END PUBLIC KEY-----`,
    jwk: { ...(await crypto.subtle.exportKey('jwk', publicKey)), kid },
    async sign(license: { readonly offline_until?: unknown }, head, claims) {
      const exp = Math.floor(Date.parse(String(license.offline_until)) / 1000);
      const signed = [
        part({ alg: 'RS256', typ: 'license+jwt', kid, ...head }),
        part({ exp, license, ...claims }),
      ].join('.');
      const signature = await crypto.subtle.sign(ALGORITHM.name, privateKey, Buffer.from(signed));
      return `${signed}.${Buffer.from(signature).toString('base64url')}`;
    },
  };
}
