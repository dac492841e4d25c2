import { autocompletion, type CompletionContext } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { bracketMatching, defaultHighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { type Diagnostic, lintGutter, setDiagnostics } from "@codemirror/lint";
import { EditorState } from "@codemirror/state";
import { EditorView, keymap, lineNumbers } from "@codemirror/view";
import { type Ref, useEffect, useImperativeHandle, useRef } from "react";
import { completionsOf } from "./completions";

export interface EditorHandle {
  text: () => string;
  /** Mark the lines that sentences name, as in `line 4`; the first line if they name none. */
  mark: (sentences: readonly string[]) => void;
}

interface EditorProps {
  ref: Ref<EditorHandle>;
  label: string;
  initial: string;
  schema: unknown;
}

/**
 * An editor for plan documents.
 *
 * It lives in a shadow root, where its styles are constructed and none is written into the page: the page's policy
 * allows no inline styles.
 */
export function Editor({ ref, label, initial, schema }: EditorProps) {
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const known = useRef(schema);
  known.current = schema;

  // biome-ignore lint/correctness/useExhaustiveDependencies: the editor keeps its own text from then on.
  useEffect(() => {
    const host = place.current;
    if (host === null) return;
    const root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
    const complete = (context: CompletionContext) => completionsOf(context, known.current);
    view.current = new EditorView({
      root,
      parent: root,
      state: EditorState.create({
        doc: initial,
        extensions: [
          lineNumbers(),
          history(),
          bracketMatching(),
          yaml(),
          syntaxHighlighting(defaultHighlightStyle),
          autocompletion({ override: [complete] }),
          lintGutter(),
          keymap.of([...defaultKeymap, ...historyKeymap, indentWithTab]),
          EditorView.contentAttributes.of({ "aria-label": label }),
          EditorView.theme({
            "&": { fontSize: "0.875rem", color: "var(--ink)" },
            ".cm-gutters": { background: "var(--sunken)", color: "var(--quiet)", border: "none" },
            ".cm-content": { caretColor: "var(--ink)", fontFamily: "var(--mono)" },
            ".cm-tooltip": { background: "var(--raised)", border: "1px solid var(--line)" },
          }),
        ],
      }),
    });
    return () => view.current?.destroy();
  }, []);

  useImperativeHandle(ref, () => ({
    text: () => view.current?.state.doc.toString() ?? "",
    mark: (sentences) => {
      const shown = view.current;
      if (shown)
        shown.dispatch(
          setDiagnostics(
            shown.state,
            sentences.map((each) => diagnosticOf(shown.state, each)),
          ),
        );
    },
  }));

  return <div ref={place} className="editor" />;
}

function diagnosticOf(state: EditorState, sentence: string): Diagnostic {
  const named = Number(/\bline (\d+)/.exec(sentence)?.[1] ?? 1);
  const line = state.doc.line(Math.min(Math.max(named, 1), state.doc.lines));
  return { from: line.from, to: line.to, severity: "error", message: sentence };
}
