{{/*
Name of all objects. The alert rules know a release by it, so `hello-world` is always in it. At most 46 characters: a pod
puts up to 17 behind it, and what is longer than 63 Kubernetes cuts, so that the rules would no longer find the Deployment
in it; of the 63 of a migration's Job eight remain for the revision. A release's name that is too long is cut, and told
apart by its hash.
*/}}
{{- define "hello-world.fullname" -}}
{{- $release := .Release.Name -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if and (contains .Chart.Name $release) (le (len $release) 46) -}}
{{- $release -}}
{{- else if le (len $release) 34 -}}
{{- printf "%s-%s" $release .Chart.Name -}}
{{- else -}}
{{- printf "%s-%s-%s" ($release | trunc 27 | trimSuffix "-") (sha256sum $release | trunc 6) .Chart.Name -}}
{{- end -}}
{{- end }}

{{/* What the pods of one component are selected by; (dict "root" $ "component" "service"). Without one: all of them. */}}
{{- define "hello-world.selectorLabels" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end }}

{{/* Labels of an object of one component. */}}
{{- define "hello-world.labels" -}}
{{ include "hello-world.podLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{/* Labels of a pod: nothing that changes without the pod. */}}
{{- define "hello-world.podLabels" -}}
{{ include "hello-world.selectorLabels" . }}
app.kubernetes.io/part-of: {{ .root.Chart.Name }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "hello-world.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "hello-world.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end }}

{{/* The migration runs before the chart's own ServiceAccount exists. */}}
{{- define "hello-world.migrationServiceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- include "hello-world.fullname" . }}-migrate
{{- else -}}
{{- include "hello-world.serviceAccountName" . -}}
{{- end -}}
{{- end }}

{{/* The Service with metrics, admin routes and probes: one of its own, where the other is reached from outside. */}}
{{- define "hello-world.managementServiceName" -}}
{{- include "hello-world.fullname" . }}{{ if and .Values.managementPort (ne .Values.service.type "ClusterIP") }}-management{{ end -}}
{{- end }}

{{- define "hello-world.tlsSecretName" -}}
{{- .Values.certificate.secretName | default (printf "%s-tls" (include "hello-world.fullname" .)) -}}
{{- end }}

{{- define "hello-world.flagsConfigMapName" -}}
{{- include "hello-world.fullname" . }}-flags
{{- end }}

{{/* The names that were given, or else all under which the service is exposed. */}}
{{- define "hello-world.dnsNames" }}
{{- $names := .Values.certificate.dnsNames }}
{{- if and (not $names) .Values.ingress.enabled }}
{{- range .Values.ingress.hosts }}
{{- $names = append $names .host }}
{{- end }}
{{- end }}
{{- if and (not .Values.certificate.dnsNames) .Values.httpRoute.enabled }}
{{- $names = concat $names .Values.httpRoute.hostnames }}
{{- end }}
{{- uniq $names | toYaml }}
{{- end }}
