{{/* A pod of Ray's. Takes a dict: root; component; cluster, work or gateway; isHead; knowsSettings; objectStore;
resources, nodeSelector, tolerations; readiness, a probe. */}}
{{- define "eopiez.rayPod" -}}
{{- $uses := list "outside" (printf "%s-cluster" .cluster) -}}
{{- if .knowsSettings }}{{ $uses = append $uses "postgres" }}{{ end -}}
{{- if .isHead }}{{ $uses = append $uses "redis" }}{{ end -}}
metadata:
  labels: {{- include "eopiez.podLabels" (dict "root" .root "component" .component "uses" $uses) | nindent 4 }}
  {{- with .root.Values.podAnnotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- /* KubeRay lets this account, and no other, make and delete pods. */}}
  serviceAccountName: {{ include "eopiez.name" .root }}{{ if .asksTheServer }}-head{{ end }}
  automountServiceAccountToken: {{ default false .asksTheServer }}
  enableServiceLinks: false
  terminationGracePeriodSeconds: 60
  securityContext: {{- include "eopiez.podSecurity" .root | nindent 4 }}
  {{- with .root.Values.image.pullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with include "eopiez.placement" . | trim }}{{ nindent 2 . }}{{ end }}
  containers:
    - name: ray
      image: {{ include "eopiez.image" .root }}
      imagePullPolicy: {{ .root.Values.image.pullPolicy }}
      env:
        {{- include "eopiez.environment" .root | nindent 8 }}
        - {name: RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S, value: "1"}
        {{- if .knowsSettings }}
        - {name: EOPIEZ_SETTINGS_FOLDER, value: /etc/eopiez}
        {{- end }}
      ports:
        {{- if .isHead }}
        - {name: gcs-server, containerPort: 6379}
        - {name: dashboard, containerPort: 8265}
        {{- end }}
        {{- if eq .cluster "gateway" }}
        - {name: serve, containerPort: {{ .root.Values.gateway.port }}}
        {{- end }}
        - {name: metrics, containerPort: 8080}
        - {name: agent, containerPort: 52365}
      livenessProbe:
        httpGet: {path: /api/local_raylet_healthz, port: agent}
        initialDelaySeconds: 30
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 12
      readinessProbe:
        httpGet: {{- toYaml .readiness | nindent 10 }}
        initialDelaySeconds: 10
        periodSeconds: 5
        timeoutSeconds: 5
        failureThreshold: 3
      securityContext: {{- include "eopiez.containerSecurity" .root | nindent 8 }}
      resources: {{- toYaml .resources | nindent 8 }}
      volumeMounts:
        {{- include "eopiez.mounts" .root | nindent 8 }}
        {{- if .knowsSettings }}
        {{- include "eopiez.settingsMount" .root | nindent 8 }}
        {{- end }}
        - {name: object-store, mountPath: /dev/shm}
  volumes:
    {{- include "eopiez.volumes" .root | nindent 4 }}
    {{- if .knowsSettings }}
    {{- include "eopiez.settingsVolume" .root | nindent 4 }}
    {{- end }}
    - name: object-store
      emptyDir: {medium: Memory, sizeLimit: {{ .objectStore }}}
{{- end -}}

{{/* What a head remembers, so that another one goes on with its nodes and actors. Takes a list: root, cluster. */}}
{{- define "eopiez.memory" -}}
{{- $root := index . 0 -}}
{{- if ne $root.Values.redis.kind "none" }}
gcsFaultToleranceOptions:
  redisAddress: {{ include "eopiez.redisAddress" $root }}
  externalStorageNamespace: {{ $root.Release.Namespace }}-{{ $root.Release.Name }}-{{ index . 1 }}
  {{- if eq $root.Values.redis.kind "own" }}
  redisPassword:
    valueFrom: {secretKeyRef: {name: {{ include "eopiez.tokenSecret" $root }}, key: redis_password}}
  {{- else if $root.Values.redis.external.existingSecret }}
  redisPassword:
    valueFrom: {secretKeyRef: {name: {{ $root.Values.redis.external.existingSecret }}, key: password}}
  {{- end }}
{{- end }}
{{- end -}}
