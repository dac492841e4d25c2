import { autocompletion, type CompletionContext } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { bracketMatching, HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { type Diagnostic, lintGutter, setDiagnostics } from "@codemirror/lint";
import { EditorState } from "@codemirror/state";
import { EditorView, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { type Ref, useEffect, useImperativeHandle, useRef } from "react";
import { completionsOf } from "./completions";
import type { Fault } from "./plan-document";

export interface EditorHandle {
  text: () => string;
  /** Mark the lines of faults, and no others. */
  mark: (faults: readonly Fault[]) => void;
}

interface EditorProps {
  ref: Ref<EditorHandle>;
  label: string;
  initial: string;
  schema: unknown;
}

/** The page's own colours, in light and dark. */
const COLOURS = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--accent)" },
  { tag: tags.string, color: "var(--good)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--warn)" },
  { tag: tags.comment, color: "var(--quiet)", fontStyle: "italic" },
]);

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
          syntaxHighlighting(COLOURS),
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
    mark: (faults) => {
      const shown = view.current;
      if (shown)
        shown.dispatch(
          setDiagnostics(
            shown.state,
            faults.map((each) => diagnosticOf(shown.state, each)),
          ),
        );
    },
  }));

  return <div ref={place} className="editor" />;
}

function diagnosticOf(state: EditorState, fault: Fault): Diagnostic {
  const line = state.doc.line(Math.min(Math.max(fault.line, 1), state.doc.lines));
  return { from: line.from, to: line.to, severity: "error", message: fault.message };
}
