import { describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { FlagdConfig } from '#libs/config';
import { flagdOptions, flagdSource } from './flagd-source.js';

const CONFIG: FlagdConfig = {
  resolver: 'rpc',
  host: 'flagd.example',
  port: 8013,
  tls: true,
  offlineFlagSourcePath: undefined,
  deadlineMs: 50,
};
const IN_PROCESS: FlagdConfig = { ...CONFIG, resolver: 'in-process', port: 8015 };
const FILE: FlagdConfig = { ...CONFIG, resolver: 'file', host: undefined, offlineFlagSourcePath: 'flags.json' };

describe('flagdOptions', () => {
  it('take a file as an in-process source, because the library knows no such resolver', () => {
    expect(flagdOptions(FILE, 1)).toMatchObject({ resolverType: 'in-process', offlineFlagSourcePath: 'flags.json' });
  });

  it.each([
    ['rpc', CONFIG],
    ['in-process', IN_PROCESS],
  ] as const)(
    'name the resolver %s, its address and TLS, and no file even when the environment has one',
    (resolver, config) => {
      const options = flagdOptions(config, 1);

      expect(options).toMatchObject({ resolverType: resolver, host: 'flagd.example', port: config.port, tls: true });
      expect(Object.hasOwn(options, 'offlineFlagSourcePath')).toBe(true);
      expect(options.offlineFlagSourcePath).toBeUndefined();
    },
  );

  it('switch the cache of the library off', () => {
    expect(flagdOptions(CONFIG, 1).cache).toBe('disabled');
  });

  it('differ between attempts that follow each other, so that none waits for the back-off of the one before', () => {
    expect(flagdOptions(CONFIG, 1)).not.toEqual(flagdOptions(CONFIG, 2));
    expect(flagdOptions(CONFIG, 59)).not.toEqual(flagdOptions(CONFIG, 60));
  });
});

describe('flagdSource', () => {
  it.each([
    ['flagd (rpc, flagd.example:8013)', CONFIG, false],
    ['flagd (in-process, flagd.example:8015)', IN_PROCESS, true],
    ['flags file flags.json', FILE, true],
  ] as const)('says that it is %s', (description, config, local) => {
    expect(flagdSource(config, new Logger())).toMatchObject({ description, local });
  });
});
