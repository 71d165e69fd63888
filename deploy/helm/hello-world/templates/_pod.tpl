{{/* (dict "image" .Values.image "tag" "the default one") as repository:tag@digest. */}}
{{- define "hello-world.imageReference" -}}
{{- .image.repository }}:{{ .image.tag | default .tag }}{{ with .image.digest }}@{{ . }}{{ end }}
{{- end }}

{{/* The one image of the service, the migration and the tests; what it says at its end is in the pod's status too. */}}
{{- define "hello-world.image" -}}
image: {{ include "hello-world.imageReference" (dict "image" .Values.image "tag" .Chart.AppVersion) }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
terminationMessagePolicy: FallbackToLogsOnError
{{- end }}

{{/* What every pod of the chart says of itself. */}}
{{- define "hello-world.podSpec" -}}
automountServiceAccountToken: false
{{- /* A Service called `flagd` in the namespace would set FLAGD_PORT to a URL. */}}
enableServiceLinks: false
securityContext: {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Name of the port with probes, metrics and admin routes. */}}
{{- define "hello-world.managementPortName" -}}
{{- if .Values.managementPort }}management{{ else }}http{{ end -}}
{{- end }}

{{- define "hello-world.managementPortNumber" -}}
{{- .Values.managementPort | default .Values.containerPort -}}
{{- end }}

{{/*
Environment of one component (`service` or `migration`). It is written into the pod itself, not into a ConfigMap: a pod
of the last version that starts again while a new one fails must find what it was made with. For the same reason no
checksum is needed: what is read once changes the pod, and flags and Secrets, which are read again, do not. Of `env` the
migration gets what has to do with the database, and no secret that it does not need.
*/}}
{{- define "hello-world.env" -}}
{{- $own := list
  (dict "name" "ENVIRONMENT" "value" .root.Values.environment)
  (dict "name" "NODE_OPTIONS" "value" (include "hello-world.nodeOptions" .root)) -}}
{{- if .root.Values.database.existingSecret -}}
  {{- $own = append $own (dict "name" "DATABASE_URL_FILE" "value" "/run/secrets/database/url") -}}
{{- end -}}
{{- if eq .component "service" -}}
  {{- $own = concat $own (include "hello-world.serviceEnv" .root | fromYamlArray) -}}
{{- end -}}
{{- $given := list -}}
{{- range .root.Values.env -}}
  {{- if or (eq $.component "service") (regexMatch "^(DATABASE_|PG|NODE_|LOG_LEVEL$)" .name) -}}
    {{- $given = append $given . -}}
  {{- end -}}
{{- end -}}
{{- $all := list -}}
{{- range $own -}}
  {{- $name := .name -}}
  {{- $replaced := false -}}
  {{- range $given -}}
    {{- if eq .name $name }}{{ $replaced = true }}{{ end -}}
  {{- end -}}
  {{- if not $replaced -}}
    {{- $all = append $all . -}}
  {{- end -}}
{{- end -}}
{{- concat $all $given | toYaml -}}
{{- end }}

{{- define "hello-world.nodeOptions" -}}
--max-old-space-size-percentage={{ .Values.heapPercentOfMemoryLimit }}
{{- end }}

{{- define "hello-world.serviceEnv" -}}
- name: PORT
  value: {{ .Values.containerPort | quote }}
{{- with .Values.managementPort }}
- name: MANAGEMENT_PORT
  value: {{ . | quote }}
{{- end }}
{{- /* What holds until the flags are there: without metrics every scrape is a 404. */}}
- name: ENABLE_METRICS
  value: 'true'
{{- with .Values.flagd }}
{{- if eq .mode "file" }}
- name: FLAGD_RESOLVER
  value: file
- name: FLAGD_OFFLINE_FLAG_SOURCE_PATH
  value: /etc/flagd/flags.flagd.json
{{- else if eq .mode "sidecar" }}
- name: FLAGD_RESOLVER
  value: rpc
- name: FLAGD_HOST
  value: 127.0.0.1
{{- else }}
- name: FLAGD_RESOLVER
  value: {{ .resolver }}
- name: FLAGD_HOST
  value: {{ .host }}
- name: {{ eq .resolver "rpc" | ternary "FLAGD_PORT" "FLAGD_SYNC_PORT" }}
  value: {{ include "hello-world.flagdPort" $ | quote }}
{{- end }}
{{- end }}
{{- end }}

{{- define "hello-world.flagdPort" -}}
{{- .Values.flagd.port | default (eq .Values.flagd.resolver "rpc" | ternary 8013 8015) -}}
{{- end }}

{{/* (dict "root" $ "secret" "its name"): the Secret with the database's URL. As a folder: a file would never change. */}}
{{- define "hello-world.databaseVolume" -}}
- name: database
  secret:
    secretName: {{ .secret }}
    # 0440, in the notation that every version of YAML reads alike.
    defaultMode: 288
    items:
      - key: {{ .root.Values.database.existingSecretKey }}
        path: url
{{- end }}

{{- define "hello-world.databaseMount" -}}
- name: database
  mountPath: /run/secrets/database
  readOnly: true
{{- end }}

{{/* SHUTDOWN_TIMEOUT_MS of the service: of `env`, or its own default. */}}
{{- define "hello-world.shutdownTimeoutMs" -}}
{{- include "hello-world.literalEnv" (dict "root" . "name" "SHUTDOWN_TIMEOUT_MS" "default" "25000") -}}
{{- end }}

{{- define "hello-world.shutdownDrainMs" -}}
{{- include "hello-world.literalEnv" (dict "root" . "name" "SHUTDOWN_DRAIN_MS" "default" "5000") -}}
{{- end }}

{{/* The value of one key of `env`, or a default; a valueFrom gives nothing. */}}
{{- define "hello-world.literalEnv" -}}
{{- $value := .default -}}
{{- $name := .name -}}
{{- range .root.Values.env -}}
  {{- if eq .name $name -}}
    {{- $value = .value | default "" -}}
  {{- end -}}
{{- end -}}
{{- $value -}}
{{- end }}

{{/* The least that keeps the service's word: wait, drain, end, and 5 s for the node. */}}
{{- define "hello-world.shutdownSeconds" -}}
{{- $ms := include "hello-world.shutdownTimeoutMs" . | int -}}
{{- add .Values.preStopSleepSeconds (div (add $ms 999) 1000) 5 -}}
{{- end }}

{{/* The fewest pods there are; more than one where that is not ours to say. */}}
{{- define "hello-world.leastReplicas" -}}
{{- if .Values.hpa.enabled -}}
{{- .Values.hpa.minReplicas -}}
{{- else -}}
{{- kindIs "invalid" .Values.replicaCount | ternary 2 .Values.replicaCount -}}
{{- end -}}
{{- end }}

{{/* Where the service finds its flags and its database. */}}
{{- define "hello-world.mounts" }}
{{- if eq .Values.flagd.mode "file" }}
{{ include "hello-world.flagsMount" . }}
{{- end }}
{{- if .Values.database.existingSecret }}
{{ include "hello-world.databaseMount" . }}
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "hello-world.volumes" }}
{{- if ne .Values.flagd.mode "external" }}
- name: flags
  configMap:
    name: {{ include "hello-world.flagsConfigMapName" . }}
{{- end }}
{{- with .Values.database.existingSecret }}
{{ include "hello-world.databaseVolume" (dict "root" $ "secret" .) }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}
