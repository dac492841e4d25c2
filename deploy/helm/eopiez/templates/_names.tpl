{{/* Names and labels. */}}
{{/* Short enough for KubeRay's RayService, whose name may have 47 characters; without the dots of a release's name. */}}
{{- define "eopiez.name" -}}
{{- default .Release.Name .Values.fullnameOverride | replace "." "-" | trunc 38 | trimSuffix "-" -}}
{{- end -}}

{{- define "eopiez.image" -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}

{{/* What says whose an object is; a selector holds no more than this. Takes a list: the root and the component. */}}
{{- define "eopiez.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: eopiez
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- define "eopiez.labels" -}}
{{- $root := index . 0 -}}
{{ include "eopiez.selector" . }}
app.kubernetes.io/version: {{ default $root.Chart.AppVersion $root.Values.image.tag | quote }}
app.kubernetes.io/part-of: eopiez
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ $root.Chart.Name }}-{{ $root.Chart.Version }}
{{- end -}}

{{- define "eopiez.settingsSecret" -}}
{{- default (printf "%s-settings" (include "eopiez.name" .)) .Values.secrets.existingSecret -}}
{{- end -}}

{{- define "eopiez.tokenSecret" -}}
{{- default (printf "%s-ray-token" (include "eopiez.name" .)) .Values.secrets.existingRayToken -}}
{{- end -}}

{{- define "eopiez.sharedClaim" -}}
{{- default (printf "%s-shared" (include "eopiez.name" .)) .Values.shared.existingClaim -}}
{{- end -}}

{{- define "eopiez.postgresCluster" -}}
{{ include "eopiez.name" . }}-postgres
{{- end -}}

{{- define "eopiez.rayAddress" -}}
{{ include "eopiez.name" . }}-work-head-svc:6379
{{- end -}}

{{- define "eopiez.redisAddress" -}}
{{- if eq .Values.redis.kind "own" -}}
{{ include "eopiez.name" . }}-redis:6379
{{- else -}}
{{ required "redis.external.address is needed with redis.kind external" .Values.redis.external.address }}
{{- end -}}
{{- end -}}

{{/* The Ray that the image holds. */}}
{{- define "eopiez.rayVersion" -}}
{{ .Chart.Annotations.ray }}
{{- end -}}

{{/* Labels on one line. */}}
{{- define "eopiez.flow" -}}
{{ toJson . | replace "\",\"" "\", \"" | replace "\":\"" "\": \"" }}
{{- end -}}
