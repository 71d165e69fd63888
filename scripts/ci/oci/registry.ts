import { setTimeout as sleep } from 'node:timers/promises';
import { digestOf, type Image, MANIFEST_TYPE } from './archive.ts';
import { credentialsOf } from './credentials.ts';

/** For one request, with the upload of the largest layer in it. */
const TIMEOUT_MS = 300_000;
const TRIES = 3;
const PAUSE_MS = 1_000;

/**
 * A repository in a registry, by the distribution specification
 * (https://github.com/opencontainers/distribution-spec/blob/main/spec.md). What it puts there, it puts byte by byte, so
 * that a digest stays what it was: `docker push` would compress the layers anew, and make another manifest of them.
 */
export class Repository {
  readonly #url: string;
  readonly #host: string;
  readonly #name: string;
  #authorization: string | undefined;

  /** @param repository `registry.example/path/name`. `localhost` is spoken to by HTTP, every other by HTTPS. */
  constructor(repository: string) {
    const [, host, name] = /^([^/]+)\/([a-z0-9][a-z0-9._/-]*)$/.exec(repository) ?? [];
    if (host === undefined || name === undefined || !/[.:]|^localhost$/.test(host)) {
      throw new Error(`'${repository}' names no registry: REGISTRY/NAME, as localhost:5000/hello-world`);
    }
    this.#host = host;
    this.#name = name;
    this.#url = `${isLocal(host) ? 'http' : 'https'}://${host}/v2/${name}`;
  }

  /** Puts an image there, without a tag. @returns the digest that the registry has it by */
  async push(image: Image): Promise<string> {
    for (const [digest, content] of image.blobs) await this.#pushBlob(digest, content);
    return this.#putManifest(image.digest, image.manifest, MANIFEST_TYPE);
  }

  /** @returns the digest of what a tag is there; `undefined` where there is no such tag */
  async digestOf(tag: string): Promise<string | undefined> {
    return (await this.manifest(tag))?.digest;
  }

  /** A manifest to the byte, by its tag or digest. */
  async manifest(reference: string): Promise<{ digest: string; content: Buffer; type: string } | undefined> {
    const accept = `${MANIFEST_TYPE}, application/vnd.oci.image.index.v1+json`;
    const answer = await this.#ask(`/manifests/${reference}`, { headers: { accept } }, [200, 404]);
    if (answer.status === 404) return undefined;
    const content = Buffer.from(await answer.arrayBuffer());
    const digest = digestOf(content);
    if (reference.startsWith('sha256:') && reference !== digest)
      throw new Error(`the registry has ${digest} as ${reference}`);
    return { digest, content, type: answer.headers.get('content-type') ?? MANIFEST_TYPE };
  }

  async blob(digest: string): Promise<Buffer> {
    const answer = await this.#ask(`/blobs/${digest}`, {}, [200]);
    const content = Buffer.from(await answer.arrayBuffer());
    if (digestOf(content) !== digest) throw new Error(`the registry has another content as ${digest}`);
    return content;
  }

  /** Gives a tag to what is there already. */
  async tag(digest: string, tag: string): Promise<void> {
    const found = await this.manifest(digest);
    if (found === undefined) throw new Error(`${this.#host}/${this.#name} has no ${digest}`);
    await this.#putManifest(tag, found.content, found.type);
  }

  async #pushBlob(digest: string, content: Buffer): Promise<void> {
    const known = await this.#ask(`/blobs/${digest}`, { method: 'HEAD' }, [200, 404]);
    if (known.status === 200) return;
    // In three steps: not every registry takes it in fewer.
    const begun = await this.#ask('/blobs/uploads/', { method: 'POST' }, [202]);
    const headers = { 'content-type': 'application/octet-stream' };
    const sent = await this.#ask(
      this.#next(begun),
      { method: 'PATCH', body: new Uint8Array(content), headers },
      [202, 204],
    );
    const end = new URL(this.#next(sent));
    end.searchParams.set('digest', digest);
    await this.#ask(end.href, { method: 'PUT' }, [201]);
  }

  async #putManifest(reference: string, content: Buffer, type: string): Promise<string> {
    const body = new Uint8Array(content);
    const answer = await this.#ask(
      `/manifests/${reference}`,
      { method: 'PUT', body, headers: { 'content-type': type } },
      [201],
    );
    return answer.headers.get('docker-content-digest') ?? digestOf(content);
  }

  #next(answer: Response): string {
    const location = answer.headers.get('location');
    if (location === null) throw new Error(`${this.#host} does not say where to upload to`);
    return new URL(location, `${this.#url}/blobs/uploads/`).href;
  }

  /** @throws on another status than those wanted, with what the registry says */
  async #ask(path: string, request: RequestInit, wanted: readonly number[]): Promise<Response> {
    const url = path.startsWith('/') ? this.#url + path : path;
    let answer = await this.#send(url, request);
    if (answer.status === 401) {
      this.#authorization = await this.#logIn(answer.headers.get('www-authenticate') ?? '');
      answer = await this.#send(url, request);
    }
    if (wanted.includes(answer.status)) return answer;
    const reason = (await answer.text()).trim().slice(0, 300);
    const login = answer.status === 401 ? ` (docker login ${this.#host})` : '';
    throw new Error(
      `${this.#host} answers ${answer.status} to ${request.method ?? 'GET'} of ${this.#name}: ${reason}${login}`,
    );
  }

  async #send(url: string, request: RequestInit): Promise<Response> {
    const headers = new Headers(request.headers);
    // An upload may go on elsewhere, which has no business with these credentials.
    if (this.#authorization !== undefined && new URL(url).host === this.#host) {
      headers.set('authorization', this.#authorization);
    }
    for (let left = TRIES; ; left -= 1) {
      try {
        const answer = await fetch(url, { ...request, headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
        if ((answer.status < 500 && answer.status !== 429) || left === 1) return answer;
      } catch (error) {
        if (left === 1) throw new Error(`${this.#host} does not answer: ${causeOf(error)}`, { cause: error });
      }
      await sleep(PAUSE_MS);
    }
  }

  /** By what the registry asks for: https://distribution.github.io/distribution/spec/auth/token/ */
  async #logIn(challenge: string): Promise<string> {
    const credentials = credentialsOf(this.#host);
    const basic = credentials === undefined ? undefined : `Basic ${Buffer.from(credentials).toString('base64')}`;
    if (!challenge.toLowerCase().startsWith('bearer ')) {
      if (basic === undefined) throw new Error(`${this.#host} asks for a password: docker login ${this.#host}`);
      return basic;
    }
    const asked = Object.fromEntries([...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, value]) => [key, value]));
    const realm = new URL(asked['realm'] ?? '');
    if (realm.protocol !== 'https:' && !isLocal(realm.host))
      throw new Error(`${realm.host} wants a password without TLS`);
    realm.searchParams.set('service', asked['service'] ?? '');
    realm.searchParams.set('scope', `repository:${this.#name}:pull,push`);
    const headers = basic === undefined ? {} : { authorization: basic };
    const answer = await fetch(realm, { headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (!answer.ok) throw new Error(`${realm.host} answers ${answer.status}: docker login ${this.#host}`);
    const { token, access_token } = (await answer.json()) as { token?: string; access_token?: string };
    return `Bearer ${token ?? access_token ?? ''}`;
  }
}

function isLocal(host: string): boolean {
  return /^(localhost|127\.0\.0\.1)(:\d+)?$/.test(host);
}

function causeOf(error: unknown): string {
  const { cause, message } = error as Error & { cause?: { message?: string; code?: string } };
  return cause?.code ?? cause?.message ?? message;
}
