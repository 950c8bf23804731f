import { connect } from 'node:net';

/** Commands that a Redis has run. */
export interface RedisMonitor {
  /** The commands since the last read, with those of scripts, each as its words. */
  read(): Promise<readonly (readonly string[])[]>;
  close(): Promise<void>;
}

/**
 * Follows a Redis by MONITOR (https://redis.io/docs/latest/commands/monitor/): a line for each command, also for those
 * that scripts run. The commands of this monitor are left out.
 */
export async function monitorRedis({ host, port }: { host: string; port: number }): Promise<RedisMonitor> {
  const [monitored, own] = [connect({ host, port }), connect({ host, port })];
  let text = '';
  let wake = (): void => {};
  monitored.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    wake();
  });
  let marks = 0;

  async function until(found: () => boolean): Promise<void> {
    while (!found()) await new Promise<void>((resolve) => (wake = resolve));
  }

  monitored.write('MONITOR\r\n');
  await until(() => text.startsWith('+OK\r\n'));
  text = text.slice('+OK\r\n'.length);
  return {
    async read() {
      // What Redis ran before the mark, it shows before the mark.
      marks += 1;
      const mark = `monitor-mark-${marks}`;
      own.write(`ECHO ${mark}\r\n`);
      await until(() => text.includes(`"${mark}"\r\n`));
      const lines = text.split('\r\n');
      text = '';
      return lines
        .filter((line) => line !== '' && !line.includes('"monitor-mark-'))
        .map((line) => [...line.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, word = '']) => word));
    },
    async close() {
      for (const socket of [monitored, own]) socket.destroy();
    },
  };
}
