/** The way into the cluster from outside, by Traefik, and who issues certificates for it. */
import { askKubectl } from './cluster.js';
import type { KubeObject } from './helm.js';
import { findAll, holds, podsOf } from './platform.js';

/** `address:port` at which Traefik answers TLS, where the cluster does not say it. */
const GATEWAY_VARIABLE = 'TEST_GATEWAY';
/** Name of the ClusterIssuer, where there are several with a CA, or none. */
const ISSUER_VARIABLE = 'TEST_CLUSTER_ISSUER';
const HTTPS_PORT = 443;

export interface Gateway {
  /** Of Traefik's pods. */
  readonly namespace: string;
  readonly ingressClass: string;
  readonly gatewayClass: string;
  /** Where it answers TLS, seen from here: `address:port`. */
  readonly address: string;
  /** The port at which its pods do, which is that of listeners of a Gateway. */
  readonly listenerPort: number;
}

interface Service extends KubeObject {
  readonly spec: {
    readonly selector?: Readonly<Record<string, string>>;
    readonly ports: readonly {
      readonly port: number;
      readonly targetPort: number | string;
      readonly nodePort?: number;
    }[];
  };
  readonly status: { readonly loadBalancer?: { readonly ingress?: readonly { ip?: string; hostname?: string }[] } };
}

interface ClassObject extends KubeObject {
  readonly spec: { readonly controller?: string; readonly controllerName?: string };
}

interface Node extends KubeObject {
  readonly status: { readonly addresses: readonly { readonly type: string; readonly address: string }[] };
}

/** @returns it, or why there is none; ask `whyNoController` before */
export function findGateway(): Gateway | string {
  const [pod] = podsOf('Traefik');
  if (pod === undefined) return 'the cluster has no Traefik';
  const classOf = (kind: string, controller: string): string | undefined =>
    findAll<ClassObject>(kind).find(({ spec }) => (spec.controller ?? spec.controllerName) === controller)?.metadata
      .name;
  const ingressClass = classOf('ingressclasses', 'traefik.io/ingress-controller');
  const gatewayClass = classOf('gatewayclasses.gateway.networking.k8s.io', 'traefik.io/gateway-controller');
  if (ingressClass === undefined) return 'the cluster has no IngressClass of Traefik';
  if (gatewayClass === undefined) return 'the cluster has no GatewayClass of Traefik';

  const { namespace, labels = {} } = pod.metadata;
  const service = findAll<Service>('services').find(
    ({ metadata, spec }) =>
      metadata.namespace === namespace &&
      spec.selector !== undefined &&
      Object.entries(spec.selector).every(([key, value]) => labels[key] === value) &&
      spec.ports.some(({ port }) => port === HTTPS_PORT),
  );
  const target = service?.spec.ports.find(({ port }) => port === HTTPS_PORT)?.targetPort;
  const ports = pod.spec.containers.flatMap((container) => container.ports ?? []);
  const listenerPort = typeof target === 'string' ? ports.find(({ name }) => name === target)?.containerPort : target;
  const address = process.env[GATEWAY_VARIABLE] ?? (service && addressOf(service));
  if (listenerPort === undefined) return `no Service leads to Traefik in ${namespace} by port ${HTTPS_PORT}`;
  if (address === undefined) return `Traefik has no address outside of the cluster: ${GATEWAY_VARIABLE}=address:port`;
  return { namespace, ingressClass, gatewayClass, address, listenerPort };
}

/** That of its load balancer, or else of a node. */
function addressOf({ spec, status }: Service): string | undefined {
  const [balancer] = status.loadBalancer?.ingress ?? [];
  const external = balancer?.ip ?? balancer?.hostname;
  if (external !== undefined) return `${external}:${HTTPS_PORT}`;
  const nodePort = spec.ports.find(({ port }) => port === HTTPS_PORT)?.nodePort;
  const [node] = findAll<Node>('nodes');
  const internal = node?.status.addresses.find(({ type }) => type === 'InternalIP')?.address;
  return nodePort === undefined || internal === undefined ? undefined : `${internal}:${nodePort}`;
}

export interface Issuer {
  readonly name: string;
  /** Certificate of its CA; `undefined`: one that everybody knows. */
  readonly ca: string | undefined;
}

interface ClusterIssuer extends KubeObject {
  readonly spec: { readonly ca?: { readonly secretName: string } };
}

/** @returns a ClusterIssuer of cert-manager, or why there is none; ask `whyNoController` before */
export function findIssuer(): Issuer | string {
  const named = process.env[ISSUER_VARIABLE];
  const ready = findAll<ClusterIssuer>('clusterissuers.cert-manager.io').filter((issuer) => holds(issuer, 'Ready'));
  const fit = ready.filter(({ metadata, spec }) =>
    named === undefined ? spec.ca !== undefined : metadata.name === named,
  );
  const [issuer] = fit;
  if (issuer === undefined || fit.length > 1) {
    const found = fit.map(({ metadata }) => metadata.name).join(', ') || 'none';
    return `of ClusterIssuers that are ready and have a CA there is ${found}: ${ISSUER_VARIABLE}=name says which`;
  }
  const { ca } = issuer.spec;
  return { name: issuer.metadata.name, ca: ca && certificateIn(ca.secretName) };
}

/** Of a ClusterIssuer's Secret, which is beside cert-manager itself. */
function certificateIn(secret: string): string {
  const namespace = podsOf('cert-manager')[0]?.metadata.namespace ?? '';
  const path = String.raw`--output=jsonpath={.data.tls\.crt}`;
  const encoded = askKubectl(['--namespace', namespace, 'get', 'secret', secret, path]);
  if (!encoded) throw new Error(`there is no certificate in the Secret ${secret} in ${namespace}`);
  return Buffer.from(encoded, 'base64').toString();
}
