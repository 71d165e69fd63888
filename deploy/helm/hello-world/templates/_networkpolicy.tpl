{{/* All ports of the service, for who asks for everything. */}}
{{- define "hello-world.servicePorts" -}}
- { protocol: TCP, port: {{ .Values.containerPort }} }
{{- with .Values.managementPort }}
- { protocol: TCP, port: {{ . }} }
{{- end }}
{{- end }}

{{/* What every pod may do: look up a name. */}}
{{- define "hello-world.dnsEgress" -}}
- to: {{- toYaml .Values.networkPolicy.egress.dns.to | nindent 4 }}
  ports:
    {{- range .Values.networkPolicy.egress.dns.ports }}
    - { protocol: UDP, port: {{ . }} }
    - { protocol: TCP, port: {{ . }} }
    {{- end }}
{{- end }}

{{- define "hello-world.postgresEgress" -}}
- to: {{- toYaml .Values.networkPolicy.egress.postgres.to | nindent 4 }}
  ports:
    - { protocol: TCP, port: {{ .Values.networkPolicy.egress.postgres.port }} }
{{- end }}
