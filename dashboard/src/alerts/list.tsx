import { useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { api, client, type Schemas } from "../api/client";
import { defined } from "../search";
import { useProject } from "../shell/project";
import { texts } from "../texts";
import { Dialog } from "../ui/dialog";
import { Field } from "../ui/field";
import { Form, said } from "../ui/form";
import { Answered, Empty } from "../ui/notes";
import { Status } from "../ui/status";
import { Time } from "../ui/time";
import { useChange } from "../ui/use-change";
import { labelsOf } from "../workflows/columns";
import { ALERT_STATUSES, SEVERITIES } from "./search";

type Alert = Schemas["AlertBody"];

const LOOKS_MS = 3_000;

/** Alerts by state and severity; each is acknowledged and its history read here. */
export function AlertList() {
  const { status, severity } = useSearch({ from: "/alerts" });
  const project = useProject();
  const change = useChange();
  const query = defined({ status, severity, limit: 200, ...project });
  const alerts = api.useQuery("get", "/v1/alerts", { params: { query } }, { refetchInterval: LOOKS_MS });
  return (
    <div className="stack">
      <div className="row">
        <Choices
          all={ALERT_STATUSES}
          chosen={status ?? []}
          onChange={(chosen) => change({ status: chosen })}
          name={texts.workflows.status}
        />
        <label className="row">
          <span className="quiet">{texts.alerts.severity}</span>
          <select value={severity ?? ""} onChange={(event) => change({ severity: event.target.value || undefined })}>
            <option value="">–</option>
            {SEVERITIES.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        </label>
      </div>
      <Answered query={alerts}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty>{texts.alerts.none}</Empty>
          ) : (
            <div className="stack">
              {items.map((alert) => (
                <AlertPanel key={alert.id} alert={alert} onChanged={() => void alerts.refetch()} />
              ))}
            </div>
          )
        }
      </Answered>
    </div>
  );
}

interface ChoicesProps<T extends string> {
  all: readonly T[];
  chosen: readonly T[];
  onChange: (chosen: T[]) => void;
  name: string;
}

function Choices<T extends string>({ all, chosen, onChange, name }: ChoicesProps<T>) {
  return (
    <fieldset className="choices plain-fieldset">
      <legend className="only-read-aloud">{name}</legend>
      {all.map((each) => (
        <label key={each}>
          <input
            type="checkbox"
            checked={chosen.includes(each)}
            onChange={() => onChange(chosen.includes(each) ? chosen.filter((one) => one !== each) : [...chosen, each])}
          />
          <Status status={each} />
        </label>
      ))}
    </fieldset>
  );
}

function AlertPanel({ alert, onChanged }: { alert: Alert; onChanged: () => void }) {
  const [isAsked, setIsAsked] = useState(false);
  const acknowledge = async (form: FormData) => {
    await client.POST("/v1/alerts/{alert}/acknowledge", {
      params: { path: { alert: alert.id } },
      body: { comment: said(form, "comment") },
    });
    setIsAsked(false);
    onChanged();
  };
  return (
    <article className="panel">
      <div className="row between">
        <div className="row">
          <Status status={alert.status} />
          <Status status={alert.severity} />
          <h2>{alert.rule}</h2>
          <span className="quiet">{alert.project ?? texts.alerts.system}</span>
        </div>
        {alert.status === "firing" && !alert.acknowledged_at && (
          <button type="button" onClick={() => setIsAsked(true)}>
            {texts.alerts.acknowledge}
          </button>
        )}
      </div>
      <p>{alert.summary}</p>
      <p className="quiet small row">
        <span>
          {texts.alerts.since} <Time at={alert.started_at} />
        </span>
        {alert.resolved_at && (
          <span>
            {texts.statuses.resolved} <Time at={alert.resolved_at} />
          </span>
        )}
        {Object.keys(alert.labels).length > 0 && <span>{labelsOf(alert.labels)}</span>}
        {alert.acknowledged_at && (
          <span>
            {texts.alerts.acknowledgedBy(alert.acknowledged_by)} {alert.comment}
          </span>
        )}
      </p>
      <details>
        <summary>{texts.alerts.history}</summary>
        <History alert={alert.id} />
      </details>
      {isAsked && (
        <Dialog title={`${texts.alerts.acknowledge}: ${alert.rule}`} onClose={() => setIsAsked(false)}>
          <Form onSend={acknowledge} send={texts.alerts.acknowledge}>
            <Field label={texts.alerts.comment}>{(id) => <input id={id} name="comment" />}</Field>
          </Form>
        </Dialog>
      )}
    </article>
  );
}

function History({ alert }: { alert: string }) {
  const history = api.useQuery("get", "/v1/alerts/{alert}/history", {
    params: { path: { alert }, query: { limit: 100 } },
  });
  return (
    <Answered query={history}>
      {({ items }) => (
        <ul>
          {items.map((each) => (
            <li key={each.id}>
              <Time at={each.at} /> {each.kind.replaceAll("_", " ")} {each.by}{" "}
              <span className="quiet small">{Object.keys(each.data).length > 0 && JSON.stringify(each.data)}</span>
            </li>
          ))}
        </ul>
      )}
    </Answered>
  );
}
