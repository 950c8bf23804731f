import type { Signer, SignVerdict } from '../../shared/ports/signer.ts';

/** The signer, with `beforeEach` told of every signature before it is made; what that gives is answered in its place. */
export function watchedSigner(
  signer: Signer,
  beforeEach: () => SignVerdict | undefined | Promise<SignVerdict | undefined>,
): Signer {
  return {
    async current() {
      const { keyId, sign } = await signer.current();
      return { keyId, sign: async (message) => (await beforeEach()) ?? sign(message) };
    },
    publicKeys: () => signer.publicKeys(),
    ping: () => signer.ping(),
    close: () => signer.close(),
  };
}
