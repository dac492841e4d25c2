import { useNavigate } from "@tanstack/react-router";
import { useRef, useState } from "react";
import { api, client } from "../api/client";
import { Problem } from "../api/problem";
import { texts } from "../texts";
import { ErrorNote } from "../ui/notes";
import { Editor, type EditorHandle } from "./editor";
import { faultOf, parsePlan } from "./plan-document";
import { useTarget } from "./starting";

const KEY = "eopiez-plan";
const FIRST = `plan: words
steps:
  text:
    values: ["one", "two", "three"]
`;

/** A plan document in an editor that knows its schema; what is wrong is marked where it is. */
export default function YamlPlan() {
  const schema = api.useQuery("get", "/v1/plans/schema", {}, { staleTime: Number.POSITIVE_INFINITY });
  const editor = useRef<EditorHandle>(null);
  const target = useTarget();
  const navigate = useNavigate();
  const [error, setError] = useState<unknown>(null);

  async function start() {
    const text = editor.current?.text() ?? "";
    localStorage.setItem(KEY, text);
    const { value, faults } = parsePlan(text);
    editor.current?.mark(faults);
    const [fault] = faults;
    if (fault) return setError(new Error(`${texts.start.line(fault.line)}: ${fault.message}`));
    try {
      const body = { plan: value as Record<string, unknown> };
      const answer = await client.POST("/v1/workflows", { params: { query: target }, body });
      await navigate({ to: "/workflows/$workflow", params: { workflow: answer.data?.id ?? "" } });
    } catch (caught) {
      setError(caught);
      if (caught instanceof Problem) editor.current?.mark([faultOf(text, caught.message)]);
    }
  }

  return (
    <div className="stack">
      <p className="quiet">{texts.start.yamlHint}</p>
      <Editor ref={editor} label={texts.start.yaml} initial={localStorage.getItem(KEY) ?? FIRST} schema={schema.data} />
      {error !== null && <ErrorNote error={error} />}
      <div className="row">
        <button type="button" className="main" onClick={() => void start()}>
          {texts.start.run}
        </button>
      </div>
    </div>
  );
}
