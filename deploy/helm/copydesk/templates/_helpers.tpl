{{- define "copydesk.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* Short enough for the ordinal and the hash that a StatefulSet adds to the names and labels of its pods. */}}
{{- define "copydesk.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 48 | trimSuffix "-" -}}
{{- else if contains (include "copydesk.name" .) .Release.Name -}}
{{- .Release.Name | trunc 48 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "copydesk.name" .) | trunc 48 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "copydesk.selector" -}}
app.kubernetes.io/name: {{ include "copydesk.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* The pods that do the work, and not those of a Job or a test. */}}
{{- define "copydesk.workerSelector" -}}
{{ include "copydesk.selector" . }}
app.kubernetes.io/component: worker
{{- end -}}

{{- define "copydesk.labels" -}}
{{ include "copydesk.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "copydesk.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "copydesk.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "copydesk.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}

{{/* The most replicas there can be, which must have partitions to work on. */}}
{{- define "copydesk.check" -}}
{{- $threads := int (dig "worker" "threads" 1 .Values.config) -}}
{{- $autoscaling := .Values.autoscaling -}}
{{- $most := int .Values.replicas -}}
{{- if ne $autoscaling.mode "none" -}}
{{- $most = int $autoscaling.maxReplicas -}}
{{- if gt (int $autoscaling.minReplicas) $most -}}
{{- fail "autoscaling.minReplicas is more than autoscaling.maxReplicas" -}}
{{- end -}}
{{- end -}}
{{- if gt (mul $most $threads) (int .Values.partitions) -}}
{{- fail (printf "%d replicas of %d threads are more workers than the %d partitions (partitions): the rest would have nothing to do" $most $threads (int .Values.partitions)) -}}
{{- end -}}
{{- if and (eq $autoscaling.mode "keda") (not $autoscaling.keda.query) (not .Values.monitoring.podMonitor.enabled) -}}
{{- fail "KEDA asks Prometheus for the lag: enable monitoring.podMonitor, or say in autoscaling.keda.query how yours calls it" -}}
{{- end -}}
{{- $drain := int (dig "shutdown" "timeout_seconds" 30 .Values.config) -}}
{{- if le (int .Values.terminationGracePeriodSeconds) $drain -}}
{{- fail (printf "terminationGracePeriodSeconds must be more than the %d s that a worker may take to drain (config.shutdown.timeout_seconds)" $drain) -}}
{{- end -}}
{{- end -}}

{{/* A value as text. Helm reads every number as a floating-point one, and would write 1048576 as 1.048576e+06. */}}
{{- define "copydesk.plain" -}}
{{- if and (kindIs "float64" .) (eq . (floor .)) -}}{{ int64 . }}{{- else -}}{{ . }}{{- end -}}
{{- end -}}

{{- define "copydesk.toml" -}}
[kafka]
brokers = {{ .Values.kafka.brokers | toJson }}
group = {{ .Values.kafka.group | toJson }}
start = {{ .Values.kafka.start | toJson }}

[kafka.properties]
{{- $tls := .Values.kafka.tls }}
{{- $sasl := .Values.kafka.sasl.secret }}
{{- if or $tls.enabled $sasl }}
"security.protocol" = {{ printf "%s%s" (ternary "SASL_" "" (ne $sasl "")) (ternary "SSL" "PLAINTEXT" $tls.enabled) | toJson }}
{{- end }}
{{- if $sasl }}
"sasl.mechanism" = {{ .Values.kafka.sasl.mechanism | toJson }}
{{- end }}
{{- if $tls.enabled }}
"ssl.ca.location" = {{ ternary (printf "/etc/copydesk/ca/%s" $tls.caKey) "/etc/ssl/certs/ca-certificates.crt" (ne $tls.caSecret "") | toJson }}
{{- if $tls.clientSecret }}
"ssl.certificate.location" = "/etc/copydesk/client/tls.crt"
"ssl.key.location" = "/etc/copydesk/client/tls.key"
{{- end }}
{{- end }}
{{- range $name, $value := .Values.kafka.properties }}
{{ $name | toJson }} = {{ include "copydesk.plain" $value | toJson }}
{{- end }}

[admin]
listen = "0.0.0.0:9102"
{{- if .Values.rules }}

[edit]
rules = "/etc/copydesk/rules"
{{- end }}
{{- range $section, $keys := .Values.config }}

[{{ $section }}]
{{- range $key, $value := $keys }}
{{ $key }} = {{ if kindIs "float64" $value }}{{ include "copydesk.plain" $value }}{{ else }}{{ $value | toJson }}{{ end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* What every container that runs copydesk has. */}}
{{- define "copydesk.container" -}}
image: {{ include "copydesk.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  capabilities: {drop: [ALL]}
  seccompProfile: {type: RuntimeDefault}
env:
  - name: COPYDESK_CONFIG
    value: /etc/copydesk/copydesk.toml
  - name: COPYDESK_KAFKA_INSTANCE
    valueFrom: {fieldRef: {fieldPath: metadata.name}}
  {{- with .Values.kafka.sasl }}
  {{- if .secret }}
  - name: COPYDESK_KAFKA_PROPERTIES_SASL_USERNAME
    valueFrom: {secretKeyRef: {name: {{ .secret }}, key: {{ .usernameKey }}}}
  - name: COPYDESK_KAFKA_PROPERTIES_SASL_PASSWORD
    valueFrom: {secretKeyRef: {name: {{ .secret }}, key: {{ .passwordKey }}}}
  {{- end }}
  {{- end }}
  {{- with .Values.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
volumeMounts:
  - {name: config, mountPath: /etc/copydesk/copydesk.toml, subPath: copydesk.toml, readOnly: true}
  {{- if .Values.rules }}
  - {name: rules, mountPath: /etc/copydesk/rules, readOnly: true}
  {{- end }}
  {{- with .Values.kafka.tls }}
  {{- if and .enabled .caSecret }}
  - {name: ca, mountPath: /etc/copydesk/ca, readOnly: true}
  {{- end }}
  {{- if and .enabled .clientSecret }}
  - {name: client, mountPath: /etc/copydesk/client, readOnly: true}
  {{- end }}
  {{- end }}
{{- end -}}

{{/* What every pod that runs copydesk has. */}}
{{- define "copydesk.pod" -}}
serviceAccountName: {{ include "copydesk.serviceAccount" . }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
volumes:
  - name: config
    configMap: {name: {{ include "copydesk.fullname" . }}, items: [{key: copydesk.toml, path: copydesk.toml}]}
  {{- if .Values.rules }}
  - name: rules
    configMap: {name: {{ include "copydesk.fullname" . }}-rules}
  {{- end }}
  {{- with .Values.kafka.tls }}
  {{- if and .enabled .caSecret }}
  - name: ca
    secret: {secretName: {{ .caSecret }}, defaultMode: 0440}
  {{- end }}
  {{- if and .enabled .clientSecret }}
  - name: client
    secret: {secretName: {{ .clientSecret }}, defaultMode: 0440}
  {{- end }}
  {{- end }}
{{- end -}}
