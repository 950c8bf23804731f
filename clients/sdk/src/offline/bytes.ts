/** Texts and bytes, by what Node and browsers both have. */

export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** Both alphabets, padded or not. Throws for what is neither. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (character) =>
    character.charCodeAt(0),
  );
}

export function toHex(bytes: ArrayBuffer): string {
  return [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** SHA-256 of the parts, none of which can pass for another's end. */
export async function digest(...parts: readonly string[]): Promise<string> {
  return toHex(await crypto.subtle.digest('SHA-256', utf8(JSON.stringify(parts))));
}
