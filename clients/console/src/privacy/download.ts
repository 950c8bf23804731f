/** Saves a document as a file in the browser's downloads. */
export function saveAsFile(name: string, document_: unknown): void {
  const url = URL.createObjectURL(
    new Blob([JSON.stringify(document_, null, 2)], { type: 'application/json' }),
  );
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}

/** For example "seatlease-usr_1-2026-11-28.json". */
export function fileNameOf(of: string, exportedAt: string): string {
  return `seatlease-${of}-${exportedAt.slice(0, 10)}.json`;
}
