import { texts } from "../texts";
import { Field } from "../ui/field";

/** The options of the content pipeline, each with what it means. */
export function PipelineFields({ title }: { title: string }) {
  const { start } = texts;
  return (
    <details className="panel">
      <summary>{start.options}</summary>
      <div className="fields">
        <Field label={start.titleOfRun}>{(id) => <input id={id} name="title" defaultValue={title} />}</Field>
        <Field label={start.labels}>{(id) => <input id={id} name="labels" />}</Field>
        <Field label={start.provider}>
          {(id) => (
            <select id={id} name="provider" defaultValue="hybrid">
              {Object.entries(start.providers).map(([name, text]) => (
                <option key={name} value={name}>
                  {text}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field label={start.themes} hint={start.themesHint}>
          {(id) => <input id={id} name="themes" type="number" min={1} max={1000} />}
        </Field>
        <Field label={start.granularity}>
          {(id) => (
            <select id={id} name="granularity" defaultValue="normal">
              <option>coarse</option>
              <option>normal</option>
              <option>fine</option>
            </select>
          )}
        </Field>
        <Field label={start.effort}>
          {(id) => (
            <select id={id} name="effort" defaultValue="normal">
              <option>fast</option>
              <option>normal</option>
              <option>best</option>
            </select>
          )}
        </Field>
        <Field label={start.textColumn} hint={start.columnHint}>
          {(id) => <input id={id} name="text_column" />}
        </Field>
        <Field label={start.timeColumn} hint={start.columnHint}>
          {(id) => <input id={id} name="time_column" />}
        </Field>
        <label className="row">
          <input type="checkbox" name="across_languages" />
          {start.acrossLanguages}
        </label>
        <label className="row">
          <input type="checkbox" name="copies_once" />
          {start.copiesOnce}
        </label>
      </div>
    </details>
  );
}

/** The options that a form says; what it leaves empty is left to the pipeline. */
export function pipelineOptions(form: FormData): object {
  const text = (name: string) => String(form.get(name) ?? "").trim();
  const given = (name: string, key = name) => (text(name) ? { [key]: text(name) } : {});
  return {
    ...given("title"),
    ...given("provider"),
    ...given("effort"),
    themes: { ...given("granularity"), ...(text("themes") ? { themes: Number(text("themes")) } : {}) },
    read: { ...given("text_column"), ...given("time_column") },
    across_languages: form.has("across_languages"),
    copies_once: form.has("copies_once"),
  };
}
