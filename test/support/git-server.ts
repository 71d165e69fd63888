import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** Serves the bare repositories of a folder, for reading, over smart HTTP: by git's own CGI program. */
export class GitServer {
  private constructor(private readonly server: Server) {}

  static async start(root: string): Promise<GitServer> {
    const server = createServer((request, response) => {
      answer(root, request, response).catch((error: unknown) => response.destroy(error as Error));
    });
    server.listen(0, 'localhost');
    await once(server, 'listening');
    return new GitServer(server);
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    this.server.closeAllConnections();
    await closed;
  }
}

/** As RFC 3875 has it. */
async function answer(root: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, search } = new URL(request.url ?? '/', 'http://localhost');
  const header = (name: string): string => String(request.headers[name] ?? '');
  const backend = spawn('git', ['http-backend'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {
      ...process.env,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      REQUEST_METHOD: request.method ?? '',
      PATH_INFO: decodeURIComponent(pathname),
      QUERY_STRING: search.slice(1),
      CONTENT_TYPE: header('content-type'),
      HTTP_CONTENT_ENCODING: header('content-encoding'),
      GIT_PROTOCOL: header('git-protocol'),
    },
  });
  backend.stdin.on('error', () => {}); // It needs no more of it.
  request.pipe(backend.stdin);
  const output = await buffer(backend.stdout);
  const headEnd = output.indexOf('\r\n\r\n');
  for (const line of output.subarray(0, headEnd).toString().split('\r\n')) {
    const [name = '', value = ''] = line.split(/: (.*)/s);
    if (name.toLowerCase() === 'status') response.statusCode = Number.parseInt(value, 10);
    else response.setHeader(name, value);
  }
  response.end(output.subarray(headEnd + 4));
}
