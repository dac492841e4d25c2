import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { client, type Schemas } from "../api/client";
import { bytes } from "../formats/numbers";
import { texts } from "../texts";
import { ErrorNote } from "../ui/notes";
import { useStore } from "../ui/store";
import { labelsFrom } from "../workflow/priority";
import { PipelineFields, pipelineOptions } from "./pipeline-fields";
import { useTarget } from "./starting";
import { type Upload, Uploads } from "./uploads";

/** Starts the content pipeline, on files of one's own or on the demonstration. */
export function Collection({ isDemo }: { isDemo: boolean }) {
  const [uploads] = useState(() => new Uploads());
  const files = useStore(uploads.all);
  const target = useTarget();
  const navigate = useNavigate();
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setIsBusy] = useState(false);
  const isSending = files.some((each) => each.state === "sending" || each.state === "interrupted");
  const isReady = isDemo || (!isSending && uploads.ids.length > 0);

  async function start(form: FormData) {
    setIsBusy(true);
    try {
      const body = {
        options: pipelineOptions(form),
        labels: labelsFrom(String(form.get("labels"))),
        ...(isDemo ? { demo: true } : { uploads: uploads.ids }),
      };
      const headers = { "Idempotency-Key": crypto.randomUUID() };
      const params = { query: target, header: headers } as never;
      const answer = await client.POST("/v1/pipeline/execute", { params, body: body });
      const { id } = answer.data as Schemas["WorkflowBody"];
      await navigate({ to: "/workflows/$workflow", params: { workflow: id } });
    } catch (caught) {
      setError(caught);
      setIsBusy(false);
    }
  }

  return (
    <form
      className="stack narrow"
      onSubmit={(event) => {
        event.preventDefault();
        void start(new FormData(event.currentTarget));
      }}
    >
      {isDemo ? (
        <p>{texts.overview.demoText}</p>
      ) : (
        <>
          <Drop onFiles={(chosen) => void sendAll(uploads, chosen, target)} />
          <ul className="files">
            {files.map((each, index) => (
              <FileLine key={index} upload={each} />
            ))}
          </ul>
        </>
      )}
      <div className="row">
        <button type="submit" className="main" disabled={!isReady || isBusy}>
          {texts.start.run}
        </button>
      </div>
      {error !== null && <ErrorNote error={error} />}
      <PipelineFields title={isDemo ? "BBC news" : ""} />
    </form>
  );
}

/** One after the other: each uses all of the line. */
async function sendAll(uploads: Uploads, files: readonly File[], target: { project?: string }): Promise<void> {
  for (const file of files) await uploads.send(file, target);
}

function Drop({ onFiles }: { onFiles: (files: readonly File[]) => void }) {
  const [isOver, setIsOver] = useState(false);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the field inside does the same by keyboard.
    <div
      className="drop"
      data-over={isOver}
      onDragOver={(event) => {
        event.preventDefault();
        setIsOver(true);
      }}
      onDragLeave={() => setIsOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setIsOver(false);
        onFiles([...event.dataTransfer.files]);
      }}
    >
      <p>{texts.start.dropFiles}</p>
      <input
        type="file"
        multiple
        aria-label={texts.start.choose}
        onChange={(event) => onFiles([...(event.target.files ?? [])])}
      />
      <p className="quiet small">{texts.overview.fileText}</p>
    </div>
  );
}

function FileLine({ upload }: { upload: Upload }) {
  const part = upload.size ? upload.offset / upload.size : 1;
  const said = {
    sending: texts.start.uploading(bytes(upload.offset), bytes(upload.size)),
    interrupted: texts.start.interrupted,
    done: `${texts.start.uploaded}, ${bytes(upload.size)}`,
    failed: "",
  }[upload.state];
  return (
    <li className="panel">
      <span className="row between">
        <strong>{upload.name}</strong>
        <span className="quiet" role="status">
          {said}
        </span>
      </span>
      <div className="meter">
        <span style={{ inlineSize: `${part * 100}%` }} />
      </div>
      {upload.error !== undefined && <ErrorNote error={upload.error} />}
    </li>
  );
}
