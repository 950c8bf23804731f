import type { Signer, SignVerdict } from '../../shared/ports/signer.ts';

/** The signer, with `beforeEach` called before each signature. A verdict that it returns replaces the signature. */
export function interceptSigning(
  signer: Signer,
  beforeEach: () => SignVerdict | undefined | Promise<SignVerdict | undefined>,
): Signer {
  return {
    async current() {
      const { keyId, sign } = await signer.current();
      return { keyId, sign: async (message) => (await beforeEach()) ?? sign(message) };
    },
    enabled: (keyId) => signer.enabled(keyId),
    publicKeys: () => signer.publicKeys(),
    ping: () => signer.ping(),
    close: () => signer.close(),
  };
}
