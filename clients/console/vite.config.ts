import { fileURLToPath } from 'node:url';
import type { UserConfig } from 'vite';

/** The local server, as `npm start` prints it. */
const SERVER = process.env.SEATLEASE_URL ?? 'http://127.0.0.1:8080';

export default {
  root: fileURLToPath(new URL('.', import.meta.url)),
  base: '/console/',
  // What Preact's JSX becomes is said in tsconfig.json alone.
  build: {
    // Every browser that has `light-dark()` preloads modules by itself.
    modulePreload: false,
    // Files of their own: scripts and styles within the page are what the site's policy forbids.
    assetsInlineLimit: 0,
  },
  server: {
    // A loopback address, which people may be sent to after signing in; "localhost" may not be one.
    host: '127.0.0.1',
    proxy: Object.fromEntries(
      ['/api', '/auth', '/health', '/.well-known'].map((path) => [path, { target: SERVER }]),
    ),
  },
} satisfies UserConfig;
