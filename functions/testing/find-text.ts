/**
 * Which of `words`, by their names, stand in which of these texts, named by their place: as they are, in capitals or not,
 * or as JSON, URLs, forms and base64 write them. Sorted: `email in users/usr_1`.
 */
export function findWords(
  texts: Iterable<readonly [string, string]>,
  words: Readonly<Record<string, string>>,
): string[] {
  const wanted = Object.entries(words).map(([what, word]) => [what, formsOf(word)] as const);
  const found = [...texts].flatMap(([place, text]) => {
    const searched = `${place} ${text}`.toLowerCase();
    return wanted
      .filter(([, forms]) => forms.some((form) => searched.includes(form)))
      .map(([what]) => `${what} in ${place}`);
  });
  return found.toSorted();
}

/** The ways in which a word may be written, in small letters. */
export function formsOf(word: string): readonly string[] {
  const inJson = JSON.stringify(word).slice(1, -1);
  const forms = [
    word,
    inJson,
    JSON.stringify(inJson).slice(1, -1),
    encodeURIComponent(word),
    new URLSearchParams({ word }).toString().slice('word='.length),
    ...inBase64(word),
  ];
  return [...new Set(forms.map((form) => form.toLowerCase()))];
}

/**
 * The word within a longer text in base64 looks different with each of three places where it can begin. The first and last
 * characters hold bits of what stands beside it, and are left out.
 */
function inBase64(word: string): string[] {
  return [0, 1, 2].flatMap((before) => {
    const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(word)]);
    const whole = Math.floor((bytes.length * 8) / 6);
    const shared = Math.ceil((before * 8) / 6);
    return (['base64', 'base64url'] as const).map((encoding) =>
      bytes.toString(encoding).slice(shared, whole),
    );
  });
}
