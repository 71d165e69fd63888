import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';

/**
 * Nest's adapter, less one hook (decision 0020). Nest hangs an `onResponse` hook into every instance in case
 * `setOnResponseHook` is called one day, and for it Fastify adds two listeners to each answer and takes them away again.
 */
export class LeanFastifyAdapter extends FastifyAdapter {
  constructor(instance: FastifyInstance) {
    const addHook = instance.addHook.bind(instance) as (name: string, hook: () => void) => FastifyInstance;
    const addNeededHook: typeof addHook = (name, hook) => (name === 'onResponse' ? instance : addHook(name, hook));
    Object.assign(instance, { addHook: addNeededHook });
    super(instance);
    Object.assign(instance, { addHook });
  }

  /** @throws always: it would set what nothing calls */
  override setOnResponseHook(): never {
    throw new Error("there is no response hook: write a stage, or call addHook('onResponse', …) of Fastify itself");
  }
}
