import { useNavigate } from "@tanstack/react-router";
import { useRef, useState } from "react";
import { api, client, type Schemas } from "../api/client";
import { Problem } from "../api/problem";
import { texts } from "../texts";
import { ErrorNote } from "../ui/notes";
import { Editor, type EditorHandle } from "./editor";
import { useTarget } from "./starting";

const KEY = "eopiez-plan";
const FIRST = `version: 1
name: words
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
    const plan = editor.current?.text() ?? "";
    localStorage.setItem(KEY, plan);
    try {
      const answer = await client.POST("/v1/workflows", { params: { query: target }, body: { plan } });
      const { id } = answer.data as Schemas["WorkflowBody"];
      await navigate({ to: "/workflows/$workflow", params: { workflow: id } });
    } catch (caught) {
      setError(caught);
      if (caught instanceof Problem)
        editor.current?.mark([caught.message, ...caught.faults.map((each) => `${each.place}: ${each.message}`)]);
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
