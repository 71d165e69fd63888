import { describe, expect, it } from '@jest/globals';
import { order } from './measurements/throughput.ts';
import { readOptions, readPeer } from './options.ts';

describe('the options of the bench', () => {
  it('without any ask for everything, whose figures are those of the page', () => {
    expect(readOptions([])).toMatchObject({ quick: false, only: [], soak: false, logs: 'pipe', complete: true });
  });

  it.each([['--quick'], ['--only=traced'], ['--rounds=1'], ['--seconds=1'], ['--logs=null']])(
    'with %s are not complete',
    (option) => {
      expect(readOptions([option]).complete).toBe(false);
    },
  );

  it.each([['--rounds=none'], ['--logs=file'], ['--tool=ab'], ['--fast']])('refuse %s', (option) => {
    expect(() => readOptions([option])).toThrow(option.split('=')[0]);
  });

  it('read a peer whose command has commas and equal signs in it', () => {
    expect(readPeer('podinfo=podinfo --port={port} --random-error=a,b,/version')).toEqual({
      name: 'podinfo',
      command: 'podinfo --port={port} --random-error=a,b',
      path: '/version',
    });
  });

  it('refuse a peer without a path', () => {
    expect(() => readPeer('podinfo=podinfo')).toThrow('NAME=COMMAND,PATH');
  });
});

describe('the order of a round', () => {
  it('has the reference right before each server, where there is time', () => {
    expect(order(['a', 'b'], true)).toEqual(['bare-fastify', 'a', 'bare-fastify', 'b']);
  });

  it('has it once in a quick run', () => {
    expect(order(['a', 'b'], false)).toEqual(['bare-fastify', 'a', 'b']);
  });
});
