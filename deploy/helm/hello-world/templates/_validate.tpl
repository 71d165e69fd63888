{{/*
What the schema can't say: what one value says of another. Every problem is found, and all are told at once. `helm lint`
goes on without them, so that a chart without values is no error to it.
*/}}
{{- define "hello-world.validate" -}}
{{- $problems := list -}}
{{- range list "image" "names" "labels" "pods" "ports" "env" "shutdown" "replicas" "flagd" "flags" "database" "exposure" "certificate" "monitoring" "peers" -}}
  {{- range include (printf "hello-world.validate.%s" .) $ | splitList "\n" -}}
    {{- $problem := trim . -}}
    {{- if $problem -}}
      {{- $problems = append $problems $problem -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- if $problems -}}
  {{- printf "\n\nthese values do not go together:\n- %s\n" (join "\n- " $problems) | fail -}}
{{- end -}}
{{- end }}

{{- define "hello-world.validate.image" }}
{{- if not .Values.image.repository }}
image.repository is not set: --set image.repository=REGISTRY/hello-world
{{- end }}
{{- if eq .Values.image.tag "latest" }}
image.tag is latest, which is another image on each node and never rolls out: give a version or sha-…, best with image.digest
{{- end }}
{{- end }}

{{- define "hello-world.validate.names" }}
{{- if not (contains .Chart.Name (include "hello-world.fullname" .)) }}
fullnameOverride is {{ .Values.fullnameOverride }}, without {{ .Chart.Name }}: the alert rules know the service by it
{{- end }}
{{- if not (regexMatch "^[a-z]" (include "hello-world.fullname" .)) }}
the release is called {{ .Release.Name }}: a Service starts with a letter, so give another name or fullnameOverride
{{- end }}
{{- end }}

{{- define "hello-world.validate.labels" }}
{{- $of := dict
  "commonLabels" .Values.commonLabels
  "podLabels" .Values.podLabels
  "serviceMonitor.labels" .Values.serviceMonitor.labels
  "prometheusRule.labels" .Values.prometheusRule.labels
  "dashboards.labels" .Values.dashboards.labels }}
{{- range $value, $labels := $of }}
{{- range $key, $_ := $labels }}
{{- if regexMatch "^(app\\.kubernetes\\.io/.*|helm\\.sh/chart|job)$" $key }}
{{ $value }} has {{ $key }}, which the chart sets itself
{{- else if and (ne $value "commonLabels") (hasKey $.Values.commonLabels $key) }}
{{ $value }} has {{ $key }}, and so has commonLabels: an object has each label once
{{- end }}
{{- end }}
{{- end }}
{{- if hasKey .Values.podAnnotations "kubectl.kubernetes.io/default-container" }}
podAnnotations has kubectl.kubernetes.io/default-container, which the chart sets itself
{{- end }}
{{- end }}

{{/* The API server would refuse a pod with two of a name: after the migration. */}}
{{- define "hello-world.validate.pods" }}
{{- range $value, $volumes := dict "extraVolumes" .Values.extraVolumes "migrations.extraVolumes" .Values.migrations.extraVolumes }}
{{- range $volumes }}
{{- if has .name (list "database" "flags") }}
{{ $value }} has {{ .name }}, which the chart makes itself
{{- end }}
{{- end }}
{{- end }}
{{- range .Values.extraContainers }}
{{- if has .name (list $.Chart.Name "flagd") }}
extraContainers has {{ .name }}, which the chart makes itself
{{- end }}
{{- end }}
{{- end }}

{{- define "hello-world.validate.ports" }}
{{- with .Values.managementPort }}
{{- if eq (int .) (int $.Values.containerPort) }}
managementPort is {{ . }}, and so is containerPort: leave managementPort empty for one port
{{- end }}
{{- if eq (int .) (int $.Values.service.port) }}
managementPort is {{ . }}, and so is service.port: the Service has both
{{- end }}
{{- end }}
{{- if eq .Values.flagd.mode "sidecar" }}
{{- range $name, $port := dict "containerPort" .Values.containerPort "managementPort" .Values.managementPort }}
{{- if has (int $port) (list 8013 8014 8015 8016) }}
{{ $name }} is {{ $port }}, which flagd.mode sidecar takes in the same pod
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "hello-world.validate.env" }}
{{- $instead := dict
  "PORT" "containerPort"
  "MANAGEMENT_PORT" "managementPort"
  "ENVIRONMENT" "environment"
  "DATABASE_URL" "database.existingSecret"
  "DATABASE_URL_FILE" "database.existingSecret"
  "DATABASE_MIGRATE_ON_START" "migrations.enabled"
  "FLAGD_HOST" "flagd.host"
  "FLAGD_PORT" "flagd.port"
  "FLAGD_SYNC_PORT" "flagd.port"
  "FLAGD_RESOLVER" "flagd.mode"
  "FLAGD_OFFLINE_FLAG_SOURCE_PATH" "flagd.mode" }}
{{- $seen := list }}
{{- range .Values.env }}
{{- if hasKey $instead .name }}
env has {{ .name }}: use {{ get $instead .name }}
{{- end }}
{{- if and (eq .name "ADMIN_TOKEN") (hasKey . "value") }}
env has ADMIN_TOKEN in plain text: take it from a Secret by valueFrom.secretKeyRef
{{- end }}
{{- if has .name $seen }}
env has {{ .name }} more than once
{{- end }}
{{- $seen = append $seen .name }}
{{- end }}
{{- end }}

{{- define "hello-world.validate.shutdown" }}
{{- $timeout := include "hello-world.shutdownTimeoutMs" . }}
{{- $drain := include "hello-world.shutdownDrainMs" . }}
{{- range $name, $value := dict "SHUTDOWN_TIMEOUT_MS" $timeout "SHUTDOWN_DRAIN_MS" $drain }}
{{- if not (regexMatch "^[0-9]{1,7}$" $value) }}
env has {{ $name }} without a number of milliseconds as its value: terminationGracePeriodSeconds depends on it
{{- end }}
{{- end }}
{{- if ge (int $drain) (int $timeout) }}
env: SHUTDOWN_DRAIN_MS ({{ $drain }}) must be below SHUTDOWN_TIMEOUT_MS ({{ $timeout }})
{{- end }}
{{- $least := include "hello-world.shutdownSeconds" . | int }}
{{- with .Values.terminationGracePeriodSeconds }}
{{- if lt (int .) $least }}
terminationGracePeriodSeconds is {{ . }}, too short to drain: preStopSleepSeconds + SHUTDOWN_TIMEOUT_MS + 5 s are {{ $least }}
{{- end }}
{{- end }}
{{- end }}

{{- define "hello-world.validate.replicas" }}
{{- with .Values.hpa }}
{{- if and .enabled (gt (int .minReplicas) (int .maxReplicas)) }}
hpa.minReplicas is {{ .minReplicas }}, above hpa.maxReplicas, which is {{ .maxReplicas }}
{{- end }}
{{- end }}
{{- end }}

{{- define "hello-world.validate.flagd" }}
{{- with .Values.flagd }}
{{- if and (eq .mode "external") (not .host) }}
flagd.mode is external, and flagd.host is not set
{{- end }}
{{- if and (ne .mode "external") (or .host .port) }}
flagd.host and flagd.port are for flagd.mode external, which is {{ .mode }}
{{- end }}
{{- end }}
{{- end }}

{{/* flagd refuses its whole file for one such flag. */}}
{{- define "hello-world.validate.flags" }}
{{- range $key, $flag := .Values.flags }}
{{- with $flag.defaultVariant }}
{{- if not (hasKey $flag.variants .) }}
flags.{{ $key }}.defaultVariant is {{ . }}, and its variants are {{ keys $flag.variants | sortAlpha | join ", " }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "hello-world.validate.database" }}
{{- if and .Values.migrations.existingSecret (not .Values.database.existingSecret) }}
migrations.existingSecret is set, and database.existingSecret is not: without a database there is nothing to migrate
{{- end }}
{{- end }}

{{- define "hello-world.validate.exposure" }}
{{- if and (eq .Values.service.type "LoadBalancer") (not .Values.managementPort) }}
service.type is LoadBalancer, which would expose /metrics, /admin and the probes: set managementPort
{{- end }}
{{- if .Values.ingress.enabled }}
{{- if not .Values.ingress.hosts }}
ingress.enabled is true, and ingress.hosts is empty
{{- end }}
{{- range .Values.ingress.hosts }}
{{- include "hello-world.validate.paths" (dict "root" $ "of" (printf "ingress.hosts (%s)" .host) "paths" .paths) }}
{{- end }}
{{- end }}
{{- if .Values.httpRoute.enabled }}
{{- if not .Values.httpRoute.parentRefs }}
httpRoute.enabled is true, and httpRoute.parentRefs is empty: which Gateway is it for?
{{- end }}
{{- include "hello-world.validate.paths" (dict "root" $ "of" "httpRoute.paths" "paths" .Values.httpRoute.paths) }}
{{- end }}
{{- end }}

{{- define "hello-world.validate.paths" }}
{{- if not .root.Values.managementPort }}
{{- $of := .of }}
{{- range .paths }}
{{- if or (and (eq .path "/") (eq .pathType "Prefix")) (eq .pathType "ImplementationSpecific") }}
{{ $of }} has {{ .path }} as {{ .pathType }}, which {{ eq .pathType "Prefix" | ternary "would" "could" }} expose /metrics, /admin and the probes: list paths as Exact, or set managementPort
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "hello-world.validate.certificate" }}
{{- if .Values.certificate.enabled }}
{{- if not .Values.certificate.issuerRef.name }}
certificate.enabled is true, and certificate.issuerRef.name is not set
{{- end }}
{{- if not (include "hello-world.dnsNames" . | fromYamlArray) }}
certificate.enabled is true, and there is no name for it: set certificate.dnsNames, ingress.hosts or httpRoute.hostnames
{{- end }}
{{- range $key := list "cert-manager.io/cluster-issuer" "cert-manager.io/issuer" }}
{{- if hasKey $.Values.ingress.annotations $key }}
certificate.enabled is true, and ingress.annotations has {{ $key }}: cert-manager would make two certificates
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "hello-world.validate.monitoring" }}
{{- with .Values.serviceMonitor }}
{{- if gt (include "hello-world.milliseconds" .scrapeTimeout | int) (include "hello-world.milliseconds" .interval | int) }}
serviceMonitor.scrapeTimeout is {{ .scrapeTimeout }}, longer than serviceMonitor.interval, which is {{ .interval }}
{{- end }}
{{- end }}
{{- if and (or .Values.prometheusRule.enabled .Values.dashboards.enabled) (not .Values.runbooksUrl) }}
{{ ternary "prometheusRule" "dashboards" .Values.prometheusRule.enabled }}.enabled is true, and runbooksUrl is not set: where are the runbooks to be read?
{{- end }}
{{- if and .Values.prometheusRule.enabled (not .Values.prometheusRule.grafanaUrl) }}
prometheusRule.enabled is true, and prometheusRule.grafanaUrl is not set: where would alerts lead to?
{{- end }}
{{- end }}

{{/* A duration of one unit, as `500ms`, `30s` or `1m`. */}}
{{- define "hello-world.milliseconds" -}}
{{- mul (regexFind "^[0-9]+" .) (get (dict "ms" 1 "s" 1000 "m" 60000) (regexFind "[a-z]+$" .)) -}}
{{- end }}

{{/* Default-deny cuts off whoever is forgotten: that must not be found out on the cluster. */}}
{{- define "hello-world.validate.peers" }}
{{- if .Values.networkPolicy.enabled }}
{{- with .Values.networkPolicy }}
{{- if not .egress.dns.to }}
networkPolicy.egress.dns.to is empty: nothing would find a name
{{- end }}
{{- if and $.Values.database.existingSecret (not .egress.postgres.to) }}
database.existingSecret is set, and networkPolicy.egress.postgres.to is empty: where is the database?
{{- end }}
{{- if and (eq $.Values.flagd.mode "external") (not .egress.flagd.to) }}
flagd.mode is external, and networkPolicy.egress.flagd.to is empty: where is flagd?
{{- end }}
{{- range $.Values.env }}
{{- $name := .name }}
{{- if regexMatch "^OTEL_EXPORTER_OTLP_(TRACES_)?ENDPOINT$" $name }}
{{- if not $.Values.networkPolicy.egress.otlp.to }}
env has {{ $name }}, and networkPolicy.egress.otlp.to is empty: where is the collector?
{{- end }}
{{- /* Not one that is put together in the pod, by $(NAME). */}}
{{- with regexFind "^https?://[^$]*$" (.value | default "") }}
{{- $port := regexFind ":[0-9]+(/|$)" . | trimAll ":/" | default (hasPrefix "https:" . | ternary "443" "80") }}
{{- if ne (int $port) (int $.Values.networkPolicy.egress.otlp.port) }}
env has {{ $name }} with port {{ $port }}, and networkPolicy.egress.otlp.port is {{ $.Values.networkPolicy.egress.otlp.port }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- if and (or $.Values.ingress.enabled $.Values.httpRoute.enabled) (not .ingress.gateway) }}
ingress or httpRoute is enabled, and networkPolicy.ingress.gateway is empty: who brings the requests?
{{- end }}
{{- if and $.Values.serviceMonitor.enabled (not .ingress.prometheus) }}
serviceMonitor.enabled is true, and networkPolicy.ingress.prometheus is empty: who scrapes?
{{- end }}
{{- end }}
{{- end }}
{{- end }}
