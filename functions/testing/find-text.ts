/**
 * Reports which of `words` (by name) occur in which of the texts (by place), sorted: `email in users/usr_1`. Finds
 * words in any case, and as encoded in JSON, URLs, forms and base64.
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

/** The encodings of a word, in lower case. */
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
 * In base64 of a longer text, a word has three possible forms, one for each offset modulo 3. Leaves out the first and
 * last characters, which also encode bits of the text beside the word.
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
