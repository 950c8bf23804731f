/** Text and bytes, with the APIs that Node and browsers share. */

export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** Reads base64 and base64url, padded or not. Throws for other text. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (character) =>
    character.charCodeAt(0),
  );
}

export function toHex(bytes: ArrayBuffer): string {
  return [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** SHA-256 of the parts; JSON keeps their boundaries. */
export async function digest(...parts: readonly string[]): Promise<string> {
  return toHex(await crypto.subtle.digest('SHA-256', utf8(JSON.stringify(parts))));
}
