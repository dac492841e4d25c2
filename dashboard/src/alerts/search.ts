import { defined, oneOf, type RawSearch, texts } from "../search";

export const ALERT_PARTS = ["alerts", "rules", "silences", "channels"] as const;
export const ALERT_STATUSES = ["firing", "pending", "resolved"] as const;
export const SEVERITIES = ["critical", "warning", "info"] as const;

export const alertsSearch = (raw: RawSearch) =>
  defined({
    part: oneOf(raw.part, ALERT_PARTS),
    status: texts(raw.status, ALERT_STATUSES),
    severity: oneOf(raw.severity, SEVERITIES),
  });
