import type { FastifyInstance, RouteOptions } from 'fastify';
import findMyWay from 'find-my-way';

interface Methods {
  readonly methods: Set<string>;
  readonly management: boolean;
}

/**
 * Which methods a path has: the difference between 404 and 405. A router of its own, asked only once the real one
 * has found nothing, so a request that is served pays nothing for it.
 */
export class AllowedMethods {
  private readonly router = findMyWay();
  private readonly byTemplate = new Map<string, Methods>();

  /** Learns of every route that `fastify` registers from here on. */
  constructor(fastify: FastifyInstance) {
    fastify.addHook('onRoute', (route) => this.learn(route));
  }

  /**
   * @param path of the request, without its query
   * @param onListener whether a route for the platform (or the public) answers on this listener
   * @returns the value of `Allow` (RFC 9110, section 10.2.1); `undefined` when the path is unknown
   */
  find(path: string, onListener: (management: boolean) => boolean): string | undefined {
    const found = this.router.find('GET', path)?.store as Methods | undefined;
    return found && onListener(found.management) ? [...found.methods].join(', ') : undefined;
  }

  private learn({ url, method, config }: RouteOptions): void {
    let known = this.byTemplate.get(url);
    if (!known) {
      known = { methods: new Set(), management: config?.management === true };
      this.byTemplate.set(url, known);
      this.router.on('GET', url, () => undefined, known);
    }
    for (const each of Array.isArray(method) ? method : [method]) known.methods.add(each);
  }
}
