import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DatabaseUrlError } from './database-url.error.js';
import { differOnlyInPassword, parseDatabaseUrl } from './database-url.js';

const BASE = 'postgres://hello:s3cret@db.example:5433/hellodb';

describe('parseDatabaseUrl', () => {
  let folder: string;
  let authority: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'database-url-'));
    authority = join(folder, 'ca.pem');
    writeFileSync(authority, 'the authority');
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  it('reads every part of a full URL', () => {
    const url = parseDatabaseUrl(
      'postgresql://he%40llo:s%2Fcret@db.example:5433/hello%20db?options=-c%20search_path=a',
    );

    expect(url).toEqual({
      host: 'db.example',
      port: 5433,
      user: 'he@llo',
      password: 's/cret',
      database: 'hello db',
      ssl: false,
      parameters: { options: '-c search_path=a' },
    });
  });

  it('fills in what a short URL leaves out as psql does, without the environment', () => {
    const url = parseDatabaseUrl('postgres://');

    expect(url).toMatchObject({ host: 'localhost', port: 5432, user: undefined, password: '', database: undefined });
  });

  it('takes the folder of a Unix socket as the host', () => {
    expect(parseDatabaseUrl('postgres://hello@/hellodb?host=/run/postgresql').host).toBe('/run/postgresql');
  });

  it.each([
    ['no sslmode', '', false],
    ['disable', '?sslmode=disable', false],
    ['require', '?sslmode=require', { rejectUnauthorized: false }],
    ['verify-full', '?sslmode=verify-full', {}],
  ])('reads TLS as libpq does: %s', (_name, query, ssl) => {
    expect(parseDatabaseUrl(BASE + query).ssl).toEqual(ssl);
  });

  it.each(['require', 'verify-ca'])('checks the certificate but not the host with sslrootcert: %s', (mode) => {
    const { ssl } = parseDatabaseUrl(`${BASE}?sslmode=${mode}&sslrootcert=${authority}`);

    expect(ssl).toEqual({ ca: 'the authority', checkServerIdentity: expect.any(Function) });
  });

  it('checks certificate and host with verify-full and sslrootcert', () => {
    const { ssl } = parseDatabaseUrl(`${BASE}?sslmode=verify-full&sslrootcert=${authority}`);

    expect(ssl).toEqual({ ca: 'the authority' });
  });

  it.each(['prefer', 'allow', 'no-verify', 'REQUIRE', ''])('refuses sslmode=%s and names the choices', (mode) => {
    expect(() => parseDatabaseUrl(`${BASE}?sslmode=${mode}`)).toThrow(/disable, require, verify-ca, verify-full/);
  });

  it.each([
    ['another scheme', 'mysql://hello:s3cret@db/hellodb', /must begin with postgres/],
    ['a password that is not encoded', 'postgres://hello:s3/cret@db/hellodb', /not a valid URL/],
    ['a broken escape', 'postgres://hello:s3cret%A@db/hellodb', /not a valid URL/],
    ['an escape that is no text', 'postgres://hello:s3cret%E0%A4@db/hellodb', /not a valid URL/],
    ['a bare space', 'postgres://hello:s3 cret@db/hellodb', /not a valid URL/],
    ['a port that is none', 'postgres://hello:s3cret@/hellodb?host=db&port=s3cret', /port/],
    ['verify-ca without an authority', `${BASE}?sslmode=verify-ca`, /sslrootcert/],
    [
      'an authority that is not there',
      `${BASE}?sslmode=verify-full&sslrootcert=/none.pem`,
      /has an sslrootcert, sslcert or sslkey that cannot be read \(ENOENT\)/,
    ],
    ['two modes', `${BASE}?sslmode=disable&sslmode=require`, /more than one sslmode/],
    ['a switch of one driver', `${BASE}?ssl=true`, /sslmode must be one of/],
  ])('refuses %s in words that show no secret', (_name, url, message) => {
    const parse = () => parseDatabaseUrl(url);

    expect(parse).toThrow(DatabaseUrlError);
    expect(parse).toThrow(message);
    expect(parse).not.toThrow(/s3|cret/);
  });

  it('passes on channel binding where it is required', () => {
    expect(parseDatabaseUrl(`${BASE}?channel_binding=require`).parameters).toEqual({ enableChannelBinding: true });
  });

  it('gives back every user, password and database that were percent-encoded', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1 });

    fc.assert(
      fc.property(text, text, text, (user, password, database) => {
        const [u, p, d] = [user, password, database].map(encodeURIComponent);
        const url = parseDatabaseUrl(`postgres://${u}:${p}@db.example/${d}`);
        expect(url).toMatchObject({ user, password });
      }),
    );
  });

  it('answers anything with a URL or an error that shows nothing of it', () => {
    const secret = 'Xq7Zw9';

    fc.assert(
      fc.property(fc.string(), fc.string(), (before, after) => {
        try {
          parseDatabaseUrl(`postgres://u:${before}${secret}${after}`);
        } catch (error) {
          expect(error).toBeInstanceOf(DatabaseUrlError);
          expect(JSON.stringify([String(error), Object.values(error as object)])).not.toContain(secret);
        }
      }),
    );
  });
});

describe('differOnlyInPassword', () => {
  it('holds for another password and for nothing else', () => {
    const url = parseDatabaseUrl(BASE);

    expect(differOnlyInPassword(url, parseDatabaseUrl(BASE.replace('s3cret', 'new')))).toBe(true);
    expect(differOnlyInPassword(url, parseDatabaseUrl(BASE.replace('db.example', 'db2.example')))).toBe(false);
    expect(differOnlyInPassword(url, parseDatabaseUrl(`${BASE}?sslmode=require`))).toBe(false);
  });
});
