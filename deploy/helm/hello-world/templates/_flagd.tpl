{{/* The folder, never a file of it (subPath): a mounted file would not follow the ConfigMap. */}}
{{- define "hello-world.flagsMount" -}}
- name: flags
  mountPath: /etc/flagd
  readOnly: true
{{- end }}

{{/*
A native sidecar: there before the service, and until after its end. Nothing waits until it is ready: the service serves
without it, by the defaults of its flags.
*/}}
{{- define "hello-world.flagdSidecar" -}}
- name: flagd
  image: {{ include "hello-world.imageReference" (dict "image" .Values.flagd.image) }}
  imagePullPolicy: {{ .Values.flagd.image.pullPolicy }}
  restartPolicy: Always
  args:
    - start
    - --uri=file:/etc/flagd/flags.flagd.json
    - --port=8013
    - --management-port=8014
  securityContext: {{- toYaml .Values.securityContext | nindent 4 }}
  livenessProbe:
    httpGet: { path: /healthz, port: 8014 }
    periodSeconds: 10
    timeoutSeconds: 5
    failureThreshold: 3
  resources: {{- toYaml .Values.flagd.resources | nindent 4 }}
  volumeMounts: {{- include "hello-world.flagsMount" . | nindent 4 }}
{{- end }}
