import { describe, expect, it } from '@jest/globals';
import { withoutSecrets } from './secrets.js';

describe('withoutSecrets', () => {
  it.each([
    'authorization',
    'Authorization',
    'Proxy-Authorization',
    'COOKIE',
    'cookies',
    'Set-Cookie',
    'password',
    'dbPassword',
    'secret',
    'client_secret',
    'clientSecret',
    'token',
    'access_token',
    'refreshToken',
    'X-Auth-Token',
    'ADMIN_TOKEN',
    'apikey',
    'api_key',
    'apiKey',
    'X-Api-Key',
    'x-api-key',
    'privateKey',
    'credentials',
    'DATABASE_URL',
  ])('masks the value of %s, at the top and two levels below', (key) => {
    const shown = withoutSecrets({ [key]: 'hidden', a: { [key]: { of: 'hidden' }, b: { [key]: ['hidden'] } } });

    expect(shown).toEqual({ [key]: '[redacted]', a: { [key]: '[redacted]', b: { [key]: '[redacted]' } } });
  });

  it.each(['route', 'tokenizer', 'secretary', 'passwordless', 'key', 'user_agent', 'status'])(
    'shows the value of %s',
    (key) => {
      expect(withoutSecrets({ [key]: 'shown' })).toEqual({ [key]: 'shown' });
    },
  );

  it('knows a key whenever and however often it comes, among thousands of others', () => {
    for (let count = 0; count < 3_000; count++) withoutSecrets({ [`x-${count}-token`]: 'hidden' });

    expect(withoutSecrets({ 'x-2999-token': 'hidden', 'x-new': 'shown' })).toEqual({
      'x-2999-token': '[redacted]',
      'x-new': 'shown',
    });
  });

  it('masks inside lists, and in what an object says of itself', () => {
    const headers = { toJSON: () => ({ cookie: 'hidden' }) };

    expect(withoutSecrets({ all: [{ token: 'hidden' }], headers })).toEqual({
      all: [{ token: '[redacted]' }],
      headers: { cookie: '[redacted]' },
    });
  });

  it('describes an error wherever it stands', () => {
    const error = Object.assign(new Error('failed'), { config: { headers: { 'x-any': 'hidden' } } });

    const shown = JSON.stringify(withoutSecrets({ err: error, reason: error, results: [{ error }] }));

    expect(shown.match(/"message":"failed"/g)).toHaveLength(3);
    expect(shown).not.toContain('hidden');
  });

  it('leaves what it is given as it is', () => {
    const headers = { authorization: 'Bearer abc' };
    const clean = { a: { b: { c: 1 } }, none: undefined, nil: null };

    withoutSecrets({ headers });

    expect(headers.authorization).toBe('Bearer abc');
    expect(withoutSecrets(clean)).toBe(clean);
  });

  it('shows nothing of what cannot be looked at, and does not fail', () => {
    const hostile = {
      token: 'hidden',
      get trap(): never {
        throw new Error('a getter failed');
      },
    };

    expect(withoutSecrets(hostile)).toEqual({ unreadable: expect.objectContaining({ message: 'a getter failed' }) });
  });

  it('comes to an end in a circle', () => {
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;

    expect(withoutSecrets({ circle })).toEqual({ circle });
  });
});
