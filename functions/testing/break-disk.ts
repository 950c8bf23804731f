import { StatementSync } from 'node:sqlite';
import { vi } from 'vitest';

/** Every SQLite statement of this process fails as on a failing disk, until the returned function is called. */
export function breakDisk(): () => void {
  const broken = (['get', 'all', 'run'] as const).map((name) =>
    vi.spyOn(StatementSync.prototype, name).mockImplementation(() => {
      throw Object.assign(new Error('disk I/O error'), { code: 'ERR_SQLITE_ERROR', errcode: 10 });
    }),
  );
  return () => {
    for (const each of broken) each.mockRestore();
  };
}
