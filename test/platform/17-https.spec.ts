/**
 * Needs Traefik as controller of Ingress and Gateway API, and cert-manager with a ClusterIssuer. Where the cluster does not
 * say it, or says it twice: `TEST_GATEWAY=address:port` is where Traefik answers TLS, `TEST_CLUSTER_ISSUER=name` who issues.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type PeerCertificate, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Namespace, type Outcome, tryBash, whyNoCluster } from '../support/cluster.js';
import type { LoadReport } from '../support/cluster-load.js';
import { fetchFrom } from '../support/cluster-probe.js';
import { eventually } from '../support/eventually.js';
import { figure } from '../support/figures.js';
import type { KubeObject } from '../support/helm.js';
import { OutsideLoad } from '../support/outside-load.js';
import { holds, whyNoController } from '../support/platform.js';
import { findGateway, findIssuer, type Gateway, type Issuer } from '../support/platform-https.js';
import { describeUnless } from '../support/unless.js';

const CERTIFICATE = 'hello-world';
const TLS_SECRET = 'hello-world-tls';
const ADMIN_TOKEN = 'a-token-for-tests-only';
const PATIENCE_MS = 180_000;
const TEST_TIMEOUT_MS = 420_000;

const whyNot = whyNoCluster() ?? whyNoController('Traefik', 'cert-manager');
const gateway = whyNot === undefined ? findGateway() : whyNot;
const issuer = whyNot === undefined ? findIssuer() : whyNot;

describeUnless(whyNot ?? [gateway, issuer].find((found) => typeof found === 'string'))(
  '17 HTTPS with a certificate of cert-manager, from outside, by Ingress and by HTTPRoute',
  () => {
    const { namespace: of, ingressClass, gatewayClass, address, listenerPort } = gateway as Gateway;
    const { name: issuerName, ca } = issuer as Issuer;
    let folder: string;
    let caFile: string;
    let namespace: Namespace;
    let hosts: Record<'Ingress' | 'HTTPRoute', string>;

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'hello-world-https-'));
      caFile = join(folder, 'ca.crt');
      writeFileSync(caFile, ca ?? '');
      namespace = await Namespace.create('https');
      hosts = { Ingress: `ingress.${namespace.name}.example`, HTTPRoute: `route.${namespace.name}.example` };
      await namespace.apply(edgeGateway(), {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'admin' },
        stringData: { token: ADMIN_TOKEN },
      });
      await namespace.install({
        replicaCount: 2,
        hpa: { enabled: false },
        // There is something to be kept from outsiders, and by nothing but the listed paths: there is one port.
        env: [
          { name: 'ADMIN_FLAGS_ENABLED', value: 'true' },
          { name: 'ADMIN_TOKEN', valueFrom: { secretKeyRef: { name: 'admin', key: 'token' } } },
        ],
        ingress: { enabled: true, className: ingressClass, hosts: [{ host: hosts.Ingress }] },
        httpRoute: {
          enabled: true,
          parentRefs: [{ name: 'edge', sectionName: 'https' }],
          hostnames: [hosts.HTTPRoute],
        },
        certificate: { enabled: true, issuerRef: { name: issuerName } },
        networkPolicy: {
          ingress: {
            gateway: [
              {
                namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': of } },
                podSelector: { matchLabels: { 'app.kubernetes.io/name': 'traefik' } },
              },
            ],
          },
        },
      });
    }, TEST_TIMEOUT_MS);

    afterAll(async () => {
      rmSync(folder, { recursive: true, force: true });
      await namespace.delete();
    }, TEST_TIMEOUT_MS);

    /** A listener for the certificate that the chart asks for; the chart's HTTPRoute belongs to it. */
    function edgeGateway(): object {
      return {
        apiVersion: 'gateway.networking.k8s.io/v1',
        kind: 'Gateway',
        metadata: { name: 'edge' },
        spec: {
          gatewayClassName: gatewayClass,
          listeners: [
            {
              name: 'https',
              port: listenerPort,
              protocol: 'HTTPS',
              hostname: hosts.HTTPRoute,
              tls: { mode: 'Terminate', certificateRefs: [{ name: TLS_SECRET }] },
              allowedRoutes: { namespaces: { from: 'Same' } },
            },
          ],
        },
      };
    }

    it(
      'the chart asks for a certificate → it is issued for both names, and both ways serve it',
      async () => {
        await eventually('the certificate is issued', async () => holds(await certificate(), 'Ready'), PATIENCE_MS);

        for (const host of Object.values(hosts)) {
          await eventually(`${host} serves it`, async () => (await served(host)).authorized, PATIENCE_MS);
          const names = (await served(host)).certificate.subjectaltname?.split(', ') ?? [];
          expect(names.sort()).toEqual(
            Object.values(hosts)
              .map((name) => `DNS:${name}`)
              .sort(),
          );
        }
      },
      TEST_TIMEOUT_MS,
    );

    it('the pods themselves → answer metrics, probes and admin routes, at the same port', async () => {
      const [pod] = await namespace.readyPods();
      const ask = async (path: string) =>
        (await fetchFrom(namespace, pod?.metadata.name ?? '', `http://localhost:8080${path}`)).slice(0, 3);

      expect([await ask('/metrics'), await ask('/readyz'), await ask('/livez')]).toEqual(['200', '200', '200']);
      expect(await ask('/admin/flags')).toBe('401');
    });

    it.each(['Ingress', 'HTTPRoute'] as const)(
      'the pipeline’s smoke test, by %s → finds the page over verified TLS, and 404 for metrics, admin and probes',
      async (way) => {
        const { ok, stdout, stderr } = await smokeTest(hosts[way], ca === undefined ? '' : `--cacert ${caFile}`);

        expect({ ok, stderr }).toEqual({ ok: true, stderr: '' });
        expect(stdout).toContain(`the page of https://${hosts[way]}/ is "200 hello world"`);
        for (const path of ['/metrics', '/admin/flags', '/readyz', '/livez'])
          expect(stdout).toContain(`the status of https://${hosts[way]}${path} is "404"`);
        figure(`5 questions answered ${/as it should be, (after .*)/.exec(stdout)?.[1]}`);
      },
      TEST_TIMEOUT_MS,
    );

    it(
      'the smoke test by a name that is not in the certificate → fails, and says so',
      async () => {
        const { ok, stderr } = await smokeTest(`other.${namespace.name}.example`, `--cacert ${caFile} --deadline 0`);

        expect(stderr).toMatch(/no answer: curl: .*(certificate|SSL)/);
        expect(ok).toBe(false);
      },
      TEST_TIMEOUT_MS,
    );

    it(
      'a rolling restart, and a new certificate → no request fails, by either way',
      async () => {
        const before = await Promise.all(Object.values(hosts).map(serialOf));
        const loads: OutsideLoad[] = [];
        const reports: LoadReport[] = [];
        try {
          for (const [way, host] of Object.entries(hosts)) loads.push(await loadOn(way, host));

          await namespace.kubectl(['rollout', 'restart', 'deployment/hello-world']);
          await namespace.kubectl(['rollout', 'status', 'deployment/hello-world', '--timeout=180s']);
          await eventually('the old pods are gone', async () => (await allPods()).length === 2, PATIENCE_MS);
          await renew();
          for (const [index, host] of Object.values(hosts).entries()) {
            const isNew = async () => (await serialOf(host)) !== before[index];
            await eventually(`${host} serves the new certificate`, isNew, PATIENCE_MS);
          }
        } finally {
          for (const load of loads) reports.push(await load.stop());
        }

        for (const [index, way] of Object.keys(hosts).entries()) {
          const { sent, answered, failed, failures, p99Ms } = reports[index]!;
          figure(`${way}: ${failed} of ${sent} requests failed, p99 ${p99Ms} ms`);
          expect({ way, failures, unanswered: sent - answered }).toEqual({ way, failures: [], unanswered: 0 });
        }
      },
      TEST_TIMEOUT_MS,
    );

    async function loadOn(way: string, host: string): Promise<OutsideLoad> {
      const options = { name: way.toLowerCase(), url: `https://${host}/`, connectTo: address };
      return OutsideLoad.start(ca === undefined ? options : { ...options, caFile });
    }

    async function certificate(): Promise<KubeObject> {
      const [found] = await namespace.get('certificates.cert-manager.io', CERTIFICATE);
      return found!;
    }

    /** As `cmctl renew` does it. */
    async function renew(): Promise<void> {
      const issuing = {
        type: 'Issuing',
        status: 'True',
        reason: 'ManuallyTriggered',
        message: 'by a test',
        lastTransitionTime: new Date().toISOString(),
      };
      const { conditions } = (await certificate())['status'] as { conditions: object[] };
      const patch = JSON.stringify({ status: { conditions: [...conditions, issuing] } });
      const certificates = ['certificates.cert-manager.io', CERTIFICATE];
      await namespace.kubectl(['patch', ...certificates, '--subresource=status', '--type=merge', '--patch', patch]);
    }

    /** Those on their way out as well. */
    async function allPods(): Promise<KubeObject[]> {
      return namespace.get('pods', '--selector=app.kubernetes.io/component=service');
    }

    async function smokeTest(host: string, options: string): Promise<Outcome> {
      const connectTo = `--connect-to ${host}:443:${address}`;
      return tryBash(`scripts/smoke-test.sh ${connectTo} ${options} https://${host}`);
    }

    async function serialOf(host: string): Promise<string> {
      return (await served(host)).certificate.serialNumber;
    }

    /** What a client sees that trusts the CA. */
    async function served(host: string): Promise<{ authorized: boolean; certificate: PeerCertificate }> {
      const [hostname, port] = address.split(':');
      const socket: TLSSocket = connect({
        host: hostname,
        port: Number(port),
        servername: host,
        rejectUnauthorized: false,
        ...(ca === undefined ? {} : { ca }),
      });
      try {
        await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
        return { authorized: socket.authorized, certificate: socket.getPeerCertificate() };
      } finally {
        socket.destroy();
      }
    }
  },
);
