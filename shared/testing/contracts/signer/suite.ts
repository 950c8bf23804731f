import { createPublicKey, verify } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Unavailable } from '../../../errors.ts';
import type { Signer } from '../../../ports/signer.ts';
import type { SigningKeys } from '../../../ports/signing-keys.ts';

/** A store of keys. Each of these opens its own view of it, as a separate process would. */
export interface KeyPlace {
  /** A signer whose configuration names the version with this number. */
  signer(number: number): Signer;
  /** The keys as an operator sees them with the same configuration. */
  keys(number: number): SigningKeys;
  /** Completes the creation of a pending version. */
  ready(number: number): void;
  /** Expires cached lists. */
  wait(): void;
  close(): Promise<void>;
}

/** The contract of every signer and its key store. `open` returns a store with one version, 1. */
export function signerContract(open: () => Promise<KeyPlace>): void {
  let place: KeyPlace;
  const opened: { close(): Promise<void> }[] = [];
  beforeAll(async () => {
    place = await open();
  });
  afterAll(async () => {
    for (const each of opened) await each.close();
    await place?.close();
  });
  const signer = (number = 1): Signer => track(place.signer(number));
  const keys = (number = 1): SigningKeys => track(place.keys(number));
  function track<T extends { close(): Promise<void> }>(part: T): T {
    opened.push(part);
    return part;
  }

  async function signed(by: Signer, text: string): Promise<{ keyId: string; signature: Uint8Array }> {
    const key = await by.current();
    const verdict = await key.sign(Buffer.from(text));
    if (verdict.verdict !== 'SIGNED') throw new Error('not signed');
    return { keyId: key.keyId, signature: verdict.signature };
  }
  async function pemOf(by: Signer, keyId: string): Promise<string | undefined> {
    return (await by.publicKeys()).find((key) => key.keyId === keyId)?.pem;
  }

  describe('a signature', () => {
    test('verifies with the public key of its key id, a 4096-bit RSA key', async () => {
      const { keyId, signature } = await signed(signer(), 'größe');
      const pem = await pemOf(signer(), keyId);
      if (pem === undefined) throw new Error('not published');
      expect(verify('sha256', Buffer.from('größe'), pem, signature)).toBe(true);
      expect(verify('sha256', Buffer.from('groesse'), pem, signature)).toBe(false);
      expect(createPublicKey(pem).asymmetricKeyDetails?.modulusLength).toBe(4096);
    });

    test('has the same key id in every process and after a restart', async () => {
      const ids = await Promise.all([signer(), signer()].map(async (each) => (await each.current()).keyId));
      expect(new Set(ids).size).toBe(1);
      expect(ids[0]).toMatch(/^[\w-]{8,64}$/);
    });

    test('can be made over a message of any length, even an empty one', async () => {
      for (const text of ['', 'x'.repeat(100_000)]) {
        const { keyId, signature } = await signed(signer(), text);
        expect(verify('sha256', Buffer.from(text), (await pemOf(signer(), keyId)) ?? '', signature)).toBe(
          true,
        );
      }
    });
  });

  test('ping succeeds without a signature', async () => {
    await expect(signer().ping()).resolves.toBeUndefined();
  });

  describe('a key is replaced without interruption', () => {
    let before: Awaited<ReturnType<typeof signed>>;
    test('a new version is published, and does not sign until the configuration names it', async () => {
      const running = signer();
      before = await signed(running, 'before');
      const made = await keys().create();
      expect(made).toMatchObject({ number: 2, isCurrent: false });
      place.ready(2);
      place.wait();
      const published = (await running.publicKeys()).map(({ keyId }) => keyId);
      expect(published).toEqual([before.keyId, made.keyId]);
      expect((await signed(running, 'still')).keyId).toBe(before.keyId);
    });

    test('a configured version signs, and earlier signatures still verify', async () => {
      const renewed = signer(2);
      const after = await signed(renewed, 'after');
      expect(after.keyId).not.toBe(before.keyId);
      const published = await renewed.publicKeys();
      expect(published.map(({ keyId }) => keyId)).toEqual([after.keyId, before.keyId]);
      for (const [text, { keyId, signature }] of Object.entries({ before, after })) {
        expect(verify('sha256', Buffer.from(text), (await pemOf(renewed, keyId)) ?? '', signature)).toBe(
          true,
        );
      }
    });

    test('an operator sees all versions, when they were created, and which one signs', async () => {
      const versions = await keys(2).versions();
      expect(versions).toMatchObject([
        { number: 1, state: 'enabled', isCurrent: false, keyId: before.keyId },
        { number: 2, state: 'enabled', isCurrent: true },
      ]);
      for (const { createdAtMs } of versions) expect(createdAtMs).toBeGreaterThan(Date.UTC(2020, 0));
    });

    test('a disabled version is no longer published and no longer signs', async () => {
      const running = signer(2);
      await running.publicKeys();
      const old = (await keys(2).versions())[0];
      await keys(2).disable(old?.name ?? '');
      await keys(2).disable(old?.name ?? '');
      place.wait();
      expect((await running.publicKeys()).map(({ keyId }) => keyId)).toEqual([
        (await running.current()).keyId,
      ]);
      expect(await pemOf(signer(1), before.keyId)).toBeUndefined();
      expect((await keys(2).versions())[0]).toMatchObject({ number: 1, state: 'disabled' });
      await expect(signed(signer(1), 'x')).rejects.toBeInstanceOf(Unavailable);
      await expect(signer(1).ping()).rejects.toMatchObject({ part: 'signing' });
    });
  });

  test('a version that does not exist cannot sign or be disabled', async () => {
    await expect(signed(signer(9), 'x')).rejects.toMatchObject({ part: 'signing' });
    await expect(signer(9).ping()).rejects.toMatchObject({ part: 'signing' });
    const known = (await keys().versions())[0]?.name ?? '';
    await expect(keys().disable(known.replace(/1$/, '9'))).rejects.toBeInstanceOf(Unavailable);
  });
}
