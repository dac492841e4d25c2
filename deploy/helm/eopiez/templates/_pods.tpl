{{/* What all pods have in common: nobody is root, nothing of the image can be written, no account of the cluster. */}}
{{- define "eopiez.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "eopiez.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities: {drop: [ALL]}
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{/* Labels of a pod. Takes a dict: root, component, and uses, a list of what network policies let it reach. */}}
{{- define "eopiez.podLabels" -}}
{{ include "eopiez.labels" (list .root .component) }}
{{- range .uses }}
eopiez/uses-{{ . }}: "true"
{{- end }}
{{- end -}}

{{/* Where a pod is put. Takes a dict: root, component, nodeSelector, tolerations. */}}
{{- define "eopiez.placement" -}}
{{- with .root.Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- if .root.Values.topologyKeys }}
topologySpreadConstraints:
{{- $given := . }}
{{- range .root.Values.topologyKeys }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "eopiez.selector" (list $given.root $given.component) | nindent 8 }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Variables that every process of ours reads. */}}
{{- define "eopiez.environment" -}}
- {name: EOPIEZ_HOME, value: /var/lib/eopiez/home}
- {name: EOPIEZ_ARTIFACT_URL, value: {{ .Values.artifacts.url | quote }}}
- {name: EOPIEZ_GATEWAY_FOLDER, value: /shared/eopiez}
{{- range $name, $value := .Values.settings }}
- name: {{ printf "EOPIEZ_%s" (upper $name) }}
  value: {{ ternary (toString $value) (toJson $value) (kindIs "string" $value) | quote }}
{{- end }}
{{- with .Values.artifacts.existingSecret }}
{{- range list "AWS_ACCESS_KEY_ID" "AWS_SECRET_ACCESS_KEY" }}
- name: {{ . }}
  valueFrom: {secretKeyRef: {name: {{ $.Values.artifacts.existingSecret }}, key: {{ . }}}}
{{- end }}
{{- end }}
- {name: HOME, value: /var/lib/eopiez}
- {name: RAY_USAGE_STATS_ENABLED, value: "0"}
- {name: PYTHONDONTWRITEBYTECODE, value: "1"}
{{- end -}}

{{/* Ray's token, for what joins the cluster without KubeRay's help. */}}
{{- define "eopiez.token" -}}
- {name: RAY_AUTH_MODE, value: token}
- name: RAY_AUTH_TOKEN
  valueFrom: {secretKeyRef: {name: {{ include "eopiez.tokenSecret" . }}, key: auth_token}}
{{- end -}}

{{/* Where a process writes; all else of its file system is read-only. */}}
{{- define "eopiez.mounts" -}}
- {name: tmp, mountPath: /tmp}
- {name: home, mountPath: /var/lib/eopiez}
- {name: shared, mountPath: /shared}
{{- end -}}

{{- define "eopiez.volumes" -}}
- {name: tmp, emptyDir: {}}
- {name: home, emptyDir: {}}
- name: shared
  persistentVolumeClaim: {claimName: {{ include "eopiez.sharedClaim" . }}}
{{- end -}}

{{/* Secrets as files, which no environment and no dashboard shows: for whoever asks the database, so not for workers. */}}
{{- define "eopiez.settingsMount" -}}
- {name: settings, mountPath: /etc/eopiez, readOnly: true}
{{- end -}}

{{- define "eopiez.settingsVolume" -}}
- name: settings
  projected:
    defaultMode: 0440
    sources:
      - secret: {name: {{ include "eopiez.settingsSecret" . }}}
{{- if eq .Values.postgres.kind "cnpg" }}
      - secret:
          name: {{ include "eopiez.postgresCluster" . }}-app
          items: [{key: uri, path: EOPIEZ_DATABASE_URL}]
{{- end }}
{{- end -}}
