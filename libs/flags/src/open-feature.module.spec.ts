import { describe, expect, it } from '@jest/globals';
import { OpenFeatureModule } from '@openfeature/nestjs-sdk';
import { openFeatureModule, withoutShutdownService } from './open-feature.module.js';

class Client {}
class ShutdownService {}

describe('openFeatureModule', () => {
  it('keeps all of the library but the service that would close the providers of others', () => {
    const library = OpenFeatureModule.forRoot({ useGlobalInterceptor: false }).providers ?? [];

    expect(openFeatureModule().providers).toHaveLength(library.length - 1);
  });
});

describe('withoutShutdownService', () => {
  it('leaves out that class and no other', () => {
    const module = { module: OpenFeatureModule, providers: [Client, ShutdownService, { provide: 'x', useValue: 1 }] };

    expect(withoutShutdownService(module).providers).toEqual([Client, { provide: 'x', useValue: 1 }]);
  });

  it.each([[[Client]], [undefined]])('fails clearly when the library has none: %p', (providers) => {
    const module = { module: OpenFeatureModule, ...(providers === undefined ? {} : { providers }) };

    expect(() => withoutShutdownService(module)).toThrow('@openfeature/nestjs-sdk has no ShutdownService');
  });
});
