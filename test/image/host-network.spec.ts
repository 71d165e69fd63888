import { hostname } from 'node:os';
import { describe, expect, it } from '@jest/globals';
import { type EngineInfo, whyNoHostNetwork } from './image.js';

const answer = (info: EngineInfo): string => JSON.stringify(info);

describe('the network of the host', () => {
  it('is taken from an engine of this machine', () => {
    expect(whyNoHostNetwork(answer({ Name: hostname(), SecurityOptions: ['name=seccomp,profile=builtin'] }))).toBe(
      undefined,
    );
  });

  it.each([
    ['runs in a virtual machine', { Name: `not-${hostname()}`, SecurityOptions: [] }, /another: not-/],
    ['is rootless', { Name: hostname(), SecurityOptions: ['name=seccomp', 'name=rootless'] }, /rootless/],
  ])('is not taken from an engine that %s', (_how, info, reason) => {
    expect(whyNoHostNetwork(answer(info))).toMatch(reason);
  });
});
