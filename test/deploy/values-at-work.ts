import type { Values } from '../support/helm.js';

const PEER = { ipBlock: { cidr: '10.9.0.0/24' } };
const RESOURCES = { requests: { cpu: '1', memory: '1Gi' }, limits: { memory: '2Gi' } };
const POD_RULE = { from: [PEER], ports: [{ protocol: 'TCP', port: 7 }] };

const DATABASE: Values = {
  database: { existingSecret: 'db' },
  networkPolicy: { egress: { postgres: { to: [{ ipBlock: { cidr: '10.1.0.0/24' } }] } } },
};
const SIDECAR: Values = { flagd: { mode: 'sidecar' } };
const EXTERNAL: Values = { flagd: { mode: 'external', host: 'flagd' } };
const FIXED: Values = { hpa: { enabled: false } };
const INGRESS: Values = { ingress: { enabled: true, hosts: [{ host: 'a.test' }] } };
const ROUTE: Values = { httpRoute: { enabled: true, parentRefs: [{ name: 'public' }] } };
const CERTIFICATE: Values = { certificate: { enabled: true, dnsNames: ['a.test'], issuerRef: { name: 'issuer' } } };
const MONITOR: Values = { serviceMonitor: { enabled: true } };
const RUNBOOKS: Values = { runbooksUrl: 'https://runbooks.test' };
const RULES: Values = { ...RUNBOOKS, prometheusRule: { enabled: true, grafanaUrl: 'https://grafana.test' } };
const DASHBOARDS: Values = { ...RUNBOOKS, dashboards: { enabled: true } };

/** A value, and where it does nothing by itself: what else must be set. */
export interface AtWork {
  readonly value: unknown;
  readonly beside?: Values;
}

const at = (value: unknown, beside?: Values): AtWork => (beside === undefined ? { value } : { value, beside });

/** Another value than the default for each value of the chart, by its path. */
export const VALUES_AT_WORK: Readonly<Record<string, AtWork>> = {
  fullnameOverride: at('the-hello-world'),
  replicaCount: at(7, FIXED),
  'image.repository': at('ghcr.io/other/hello-world'),
  'image.tag': at('9.9.9'),
  'image.digest': at(`sha256:${'b'.repeat(64)}`),
  'image.pullPolicy': at('Always'),
  imagePullSecrets: at([{ name: 'registry' }]),
  environment: at('prod'),
  containerPort: at(8081),
  managementPort: at(9090),
  'service.type': at('LoadBalancer', { managementPort: 9090 }),
  'service.port': at(8000),
  'service.annotations': at({ a: 'b' }),
  env: at([{ name: 'LOG_LEVEL', value: 'debug' }]),
  'healthProbes.readinessPath': at('/r'),
  'healthProbes.livenessPath': at('/l'),
  'healthProbes.startup.periodSeconds': at(2),
  'healthProbes.startup.timeoutSeconds': at(3),
  'healthProbes.startup.failureThreshold': at(99),
  'healthProbes.readiness.periodSeconds': at(6),
  'healthProbes.readiness.timeoutSeconds': at(7),
  'healthProbes.readiness.failureThreshold': at(8),
  'healthProbes.liveness.periodSeconds': at(11),
  'healthProbes.liveness.timeoutSeconds': at(12),
  'healthProbes.liveness.failureThreshold': at(13),
  resources: at(RESOURCES),
  heapPercentOfMemoryLimit: at(60),
  preStopSleepSeconds: at(4),
  terminationGracePeriodSeconds: at(90),
  progressDeadlineSeconds: at(500),
  commonLabels: at({ team: 'greetings' }),
  podAnnotations: at({ a: 'b' }),
  podLabels: at({ lane: 'blue' }),
  'serviceAccount.create': at(false),
  'serviceAccount.name': at('greeter'),
  'serviceAccount.annotations': at({ 'eks.amazonaws.com/role-arn': 'arn' }),
  podSecurityContext: at({ fsGroup: 1000 }),
  securityContext: at({ runAsUser: 1000 }),
  topologySpreadConstraints: at([{ topologyKey: 'rack', maxSkew: 2, whenUnsatisfiable: 'DoNotSchedule' }]),
  nodeSelector: at({ arch: 'arm64' }),
  affinity: at({ nodeAffinity: {} }),
  tolerations: at([{ key: 'spot', operator: 'Exists' }]),
  priorityClassName: at('high'),
  extraVolumes: at([{ name: 'ca', emptyDir: {} }]),
  extraVolumeMounts: at([{ name: 'ca', mountPath: '/ca' }]),
  extraContainers: at([{ name: 'echo', image: 'echo:1', resources: RESOURCES }]),
  'database.existingSecret': at('other', DATABASE),
  'database.existingSecretKey': at('uri', DATABASE),
  'migrations.enabled': at(false, DATABASE),
  'migrations.existingSecret': at('ddl', DATABASE),
  'migrations.activeDeadlineSeconds': at(100, DATABASE),
  'migrations.ttlSecondsAfterFinished': at(100, DATABASE),
  'migrations.resources': at(RESOURCES, DATABASE),
  'migrations.extraVolumes': at([{ name: 'ca', emptyDir: {} }], DATABASE),
  'migrations.extraVolumeMounts': at([{ name: 'ca', mountPath: '/ca' }], DATABASE),
  'flagd.mode': at('sidecar'),
  'flagd.host': at('other', EXTERNAL),
  'flagd.port': at(18013, EXTERNAL),
  'flagd.resolver': at('in-process', EXTERNAL),
  'flagd.image.repository': at('other/flagd', SIDECAR),
  'flagd.image.tag': at('v9', SIDECAR),
  'flagd.image.digest': at(`sha256:${'c'.repeat(64)}`, SIDECAR),
  'flagd.image.pullPolicy': at('Always', SIDECAR),
  'flagd.resources': at(RESOURCES, SIDECAR),
  flags: at({ tracing_enabled: { defaultVariant: 'on' } }),
  'ingress.enabled': at(true, { ingress: { hosts: [{ host: 'a.test' }] } }),
  'ingress.className': at('traefik', INGRESS),
  'ingress.annotations': at({ a: 'b' }, INGRESS),
  'ingress.hosts': at([{ host: 'b.test' }], INGRESS),
  'ingress.tls': at([{ secretName: 'tls', hosts: ['a.test'] }], INGRESS),
  'httpRoute.enabled': at(true, { httpRoute: { parentRefs: [{ name: 'public' }] } }),
  'httpRoute.annotations': at({ a: 'b' }, ROUTE),
  'httpRoute.parentRefs': at([{ name: 'other' }], ROUTE),
  'httpRoute.hostnames': at(['a.test'], ROUTE),
  'httpRoute.paths': at([{ path: '/hi', pathType: 'Prefix' }], ROUTE),
  'certificate.enabled': at(true, { certificate: { dnsNames: ['a.test'], issuerRef: { name: 'issuer' } } }),
  'certificate.secretName': at('other', CERTIFICATE),
  'certificate.dnsNames': at(['b.test'], CERTIFICATE),
  'certificate.issuerRef.name': at('other', CERTIFICATE),
  'certificate.issuerRef.kind': at('Issuer', CERTIFICATE),
  'certificate.issuerRef.group': at('awspca.cert-manager.io', CERTIFICATE),
  'hpa.enabled': at(false),
  'hpa.minReplicas': at(3),
  'hpa.maxReplicas': at(11),
  'hpa.targetCPUUtilizationPercentage': at(50),
  'hpa.behavior': at({ scaleDown: { stabilizationWindowSeconds: 1 } }),
  'pdb.enabled': at(false),
  'serviceMonitor.enabled': at(true),
  'serviceMonitor.interval': at('45s', MONITOR),
  'serviceMonitor.scrapeTimeout': at('5s', MONITOR),
  'serviceMonitor.path': at('/m', MONITOR),
  'serviceMonitor.labels': at({ release: 'x' }, MONITOR),
  'prometheusRule.enabled': at(true, { ...RUNBOOKS, prometheusRule: { grafanaUrl: 'https://grafana.test' } }),
  'prometheusRule.labels': at({ release: 'x' }, RULES),
  'prometheusRule.grafanaUrl': at('https://other.test', RULES),
  runbooksUrl: at('https://elsewhere.test', RULES),
  'dashboards.enabled': at(true, RUNBOOKS),
  'dashboards.labels': at({ folder: 'x' }, DASHBOARDS),
  'networkPolicy.enabled': at(false),
  'networkPolicy.defaultDeny': at(false),
  'networkPolicy.ingress.gateway': at([PEER]),
  'networkPolicy.ingress.prometheus': at([PEER]),
  'networkPolicy.ingress.clients': at([PEER]),
  'networkPolicy.egress.dns.to': at([PEER]),
  'networkPolicy.egress.dns.ports': at([53]),
  'networkPolicy.egress.postgres.to': at([PEER], DATABASE),
  'networkPolicy.egress.postgres.port': at(6432, DATABASE),
  'networkPolicy.egress.otlp.to': at([PEER]),
  'networkPolicy.egress.otlp.port': at(4317),
  'networkPolicy.egress.flagd.to': at([PEER], EXTERNAL),
  'networkPolicy.extraIngress': at([POD_RULE]),
  'networkPolicy.extraEgress': at([{ to: [PEER], ports: [{ protocol: 'TCP', port: 7 }] }]),
  hookLogs: at(false),
  'tests.resources': at(RESOURCES),
};
