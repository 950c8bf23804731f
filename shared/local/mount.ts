import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { http as registerFunction } from '@google-cloud/functions-framework';
import { getTestServer } from '@google-cloud/functions-framework/testing';
import type { FunctionContract } from '../http/contract.ts';
import { problemAnswer } from '../http/problem.ts';
import { matchPath, publicRoutes } from '../http/route.ts';
import { type HttpFunction, send } from '../http/serve.ts';
import { requestIdOf } from '../http/trace.ts';

/**
 * Serves a whole suite from one server, as Firebase Hosting serves it from one origin. Each function runs inside the
 * real functions-framework. The server does not listen yet. `others` gets requests for paths that no function has.
 */
export function mountSuite(
  manifest: readonly FunctionContract[],
  functions: Readonly<Record<string, HttpFunction>>,
  others: RequestListener = answerNotFound,
): Server {
  const frameworks = new Map(
    Object.entries(functions).map(([name, handle]) => {
      registerFunction(name, handle);
      return [name, getTestServer(name)];
    }),
  );
  const routes = publicRoutes(manifest);
  const server = createServer((request, response) => {
    const [path = '/'] = (request.url ?? '/').split('?');
    const route = routes.find((candidate) => matchPath(candidate.path, path));
    const framework = route && frameworks.get(route.functionName);
    if (framework) {
      framework.emit('request', request, response);
    } else {
      others(request, response);
    }
  });
  // Longer than clients and proxies keep idle connections, so that none sends a request while the server closes one.
  server.keepAliveTimeout = 75_000;
  return server;
}

export function answerNotFound(request: IncomingMessage, response: ServerResponse): void {
  request.resume();
  const requestId = requestIdOf(request.headers);
  send(request, response, requestId, problemAnswer(requestId, { problem: 'NOT_FOUND' }));
}
