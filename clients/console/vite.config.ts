import { fileURLToPath } from 'node:url';
import type { UserConfig } from 'vite';

/** The local server, as `npm start` prints it. */
const SERVER = process.env.SEATLEASE_URL ?? 'http://127.0.0.1:8080';

export default {
  root: fileURLToPath(new URL('.', import.meta.url)),
  base: '/console/',
  // tsconfig.json configures the compilation of JSX.
  build: {
    // The styles need `light-dark()`. Every browser that has it also supports module preloading.
    modulePreload: false,
    // The site's content security policy forbids inline scripts and styles.
    assetsInlineLimit: 0,
  },
  server: {
    // Sign-in redirects only to loopback addresses such as this one, not to "localhost" (RFC 8252 section 8.3).
    host: '127.0.0.1',
    proxy: Object.fromEntries(
      ['/api', '/auth', '/health', '/.well-known'].map((path) => [path, { target: SERVER }]),
    ),
  },
} satisfies UserConfig;
