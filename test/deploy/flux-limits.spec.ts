/** The quota and the limits of each namespace admit what runs there, and stop the excess. */
import { afterAll, expect, it } from '@jest/globals';
import { ENVIRONMENTS, FluxTree, releaseOf, renderRelease } from '../support/flux.js';
import { containers, type KubeObject, ofKind, pods, theOne } from '../support/helm.js';
import { whyNoTool } from '../support/tools.js';
import { describeUnless } from '../support/unless.js';

const tree = new FluxTree();
afterAll(() => tree.remove());

type Amounts = Record<string, number>;

const UNITS: Readonly<Record<string, number>> = { m: 0.001, '': 1, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30 };

function quantity(text: string): number {
  const [, number, unit = ''] = /^([0-9.]+)(m|Ki|Mi|Gi)?$/.exec(text) ?? [];
  return Number(number) * UNITS[unit]!;
}

/**
 * What a rollout at full size takes: each pod of the service twice, since those of the last version still drain, and one
 * of everything else.
 */
function demandOf(objects: readonly KubeObject[]): Amounts {
  const [autoscaler] = ofKind(objects, 'HorizontalPodAutoscaler');
  const most =
    (autoscaler?.spec as { maxReplicas: number } | undefined)?.maxReplicas ??
    (theOne(objects, 'Deployment').spec as { replicas: number }).replicas;
  const need: Amounts = { pods: 0 };
  for (const [name, pod] of pods(objects)) {
    const times = name.startsWith('Deployment') ? 2 * most : 1;
    need['pods']! += times;
    for (const { resources } of containers(pod)) {
      for (const [kind, amounts] of Object.entries({ requests: resources?.requests, limits: resources?.limits })) {
        for (const [resource, amount] of Object.entries(amounts ?? {})) {
          need[`${kind}.${resource}`] = (need[`${kind}.${resource}`] ?? 0) + times * quantity(amount);
        }
      }
    }
  }
  return need;
}

describeUnless(whyNoTool('kustomize') ?? whyNoTool('helm'))('the limits of a namespace', () => {
  it.each(ENVIRONMENTS)(
    'quota: room for a rollout at full size with a migration and a test, not for two: %s',
    (name) => {
      const { hard } = theOne(tree.build(name), 'ResourceQuota').spec as { hard: Record<string, string> };

      const need = demandOf(renderRelease(releaseOf(tree.build(`${name}/release`))));

      expect(Object.keys(need).length).toBeGreaterThanOrEqual(6);
      for (const [resource, amount] of Object.entries(need)) {
        const allowed = quantity(hard[resource] ?? '');
        expect({ resource, fits: allowed >= amount, isLimit: allowed < 2 * amount }).toEqual({
          resource,
          fits: true,
          isLimit: true,
        });
      }
    },
  );

  it.each(ENVIRONMENTS)('quota: no volumes, no load balancers, no ports of nodes: %s', (name) => {
    expect(theOne(tree.build(name), 'ResourceQuota').spec).toMatchObject({
      hard: { persistentvolumeclaims: '0', 'services.loadbalancers': '0', 'services.nodeports': '0' },
    });
  });

  it.each(ENVIRONMENTS)('limit range: a container that asks for nothing gets what the quota counts: %s', (name) => {
    const { limits } = theOne(tree.build(name), 'LimitRange').spec as { limits: Record<string, unknown>[] };

    expect(limits).toEqual([
      expect.objectContaining({
        type: 'Container',
        defaultRequest: { cpu: expect.anything(), memory: expect.anything(), 'ephemeral-storage': expect.anything() },
        // Of CPU there is no limit: it would slow requests down on an idle node.
        default: { memory: expect.anything(), 'ephemeral-storage': expect.anything() },
      }),
    ]);
  });

  it.each(ENVIRONMENTS)('limit range: each container of the release may be as large as it wants to be: %s', (name) => {
    const { limits } = theOne(tree.build(name), 'LimitRange').spec as { limits: { max: Record<string, string> }[] };
    const objects = renderRelease(releaseOf(tree.build(`${name}/release`)));

    for (const [, pod] of pods(objects)) {
      for (const { resources } of containers(pod)) {
        for (const [resource, most] of Object.entries(limits[0]!.max)) {
          expect(quantity(resources?.limits?.[resource] ?? '')).toBeLessThanOrEqual(quantity(most));
        }
      }
    }
  });
});
