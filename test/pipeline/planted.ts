import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

/** A program on the PATH that notes its arguments, and then does as told. @returns its PATH, and its calls */
export function program(folder: string, name: string, script: string): { PATH: string; calls: () => string } {
  const bin = mkdtempSync(join(folder, 'bin-'));
  const log = join(bin, 'calls.log');
  writeFileSync(join(bin, name), `#!/bin/bash\necho "$*" >>'${log}'\n${script}\n`);
  chmodSync(join(bin, name), 0o755);
  return { PATH: `${bin}:${process.env['PATH']}`, calls: () => (existsSync(log) ? readFileSync(log, 'utf8') : '') };
}

/** A server that answers as told, and remembers what it was asked. */
export class Listener {
  readonly asked: { path: string; body: string }[] = [];
  readonly #server: Server;

  constructor(answer: (request: IncomingMessage, body: string) => { status?: number; text?: string }) {
    this.#server = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (part: string) => (body += part));
      request.on('end', () => {
        this.asked.push({ path: request.url ?? '', body });
        const { status = 200, text = '' } = answer(request, body);
        response.writeHead(status).end(text);
      });
    });
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** Where a program is that a test puts its own in front of. */
export function realPath(name: string): string {
  const places = (process.env['PATH'] ?? '').split(':').map((place) => join(place, name));
  return places.find((place) => existsSync(place)) ?? name;
}

/** A PATH with the programs of the system, but for one that this machine may have or not. */
export function pathWithout(folder: string, name: string): string {
  const bin = mkdtempSync(join(folder, 'system-'));
  const programs = ['/usr/bin', '/bin'].flatMap((place) =>
    readdirSync(place).map((program) => [program, place] as const),
  );
  for (const [program, place] of new Map(programs)) {
    if (program !== name) symlinkSync(join(place, program), join(bin, program));
  }
  return bin;
}
