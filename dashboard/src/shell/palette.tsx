import { useNavigate } from "@tanstack/react-router";
import { useDeferredValue, useState } from "react";
import { api } from "../api/client";
import { sentRequests } from "../api/contact";
import { texts } from "../texts";
import { Dialog } from "../ui/dialog";
import { Status } from "../ui/status";
import { toast } from "../ui/toasts";
import { asCommand, asCurl, asPython } from "./copies";
import { signOut } from "./navigation";
import { PAGES } from "./pages";
import { prefer } from "./preferences";
import { useProject } from "./project";
import { hasRole, type Profile } from "./session";

interface Command {
  key: string;
  title: React.ReactNode;
  hint?: string | undefined;
  run: () => void;
}

/** Everything by keyboard: pages, workflows by name or id, and commands. */
export default function Palette({ profile, onClose }: { profile: Profile; onClose: () => void }) {
  const [typed, setTyped] = useState("");
  const [chosen, setChosen] = useState(0);
  const commands = useCommands(profile, typed);
  const run = (command: Command | undefined) => {
    if (command === undefined) return;
    onClose();
    command.run();
  };
  const onKey = (event: React.KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      setChosen((chosen + step + commands.length) % Math.max(commands.length, 1));
    } else if (event.key === "Enter") {
      event.preventDefault();
      run(commands[chosen]);
    }
  };
  return (
    <Dialog title={texts.shell.palette} onClose={onClose}>
      <input
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-commands"
        aria-activedescendant={`palette-${chosen}`}
        aria-label={texts.shell.paletteHint}
        placeholder={texts.shell.paletteHint}
        autoFocus
        value={typed}
        onChange={(event) => {
          setTyped(event.target.value);
          setChosen(0);
        }}
        onKeyDown={onKey}
      />
      <div id="palette-commands" role="listbox" aria-label={texts.shell.palette} className="commands" tabIndex={-1}>
        {commands.map((command, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the field above has the keys.
          <div
            key={command.key}
            id={`palette-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === chosen}
            className="row between"
            onClick={() => run(command)}
          >
            <span>{command.title}</span>
            {command.hint && <kbd>{command.hint}</kbd>}
          </div>
        ))}
        {commands.length === 0 && <p className="quiet">{texts.shell.nothingFound}</p>}
      </div>
    </Dialog>
  );
}

function useCommands(profile: Profile, typed: string): Command[] {
  const navigate = useNavigate();
  const project = useProject();
  const asked = useDeferredValue(typed.trim());
  const found = api.useQuery(
    "get",
    "/v1/workflows",
    { params: { query: { text: asked, limit: 8, ...project } } },
    { enabled: asked.length > 1 },
  );
  const pages: Command[] = PAGES.filter((page) => !page.role || hasRole(profile, page.role)).map((page) => ({
    key: page.to,
    title: page.title,
    hint: page.keys,
    run: () => void navigate({ to: page.to, search: project }),
  }));
  const workflows: Command[] = (found.data?.items ?? []).map((each) => ({
    key: each.id,
    title: (
      <>
        {each.name} <Status status={each.status} /> <span className="quiet mono">{each.id}</span>
      </>
    ),
    run: () => void navigate({ to: "/workflows/$workflow", params: { workflow: each.id } }),
  }));
  const fits = (command: Command) => String(command.title).toLowerCase().includes(typed.trim().toLowerCase());
  return [...[...pages, ...settings(), ...copies()].filter(fits), ...workflows];
}

function settings(): Command[] {
  const { theme, zone, times } = texts.shell;
  return [
    ...(["light", "dark", "system"] as const).map((each) => command(theme[each], () => prefer({ theme: each }))),
    ...(["local", "utc"] as const).map((each) => command(zone[each], () => prefer({ zone: each }))),
    ...(["relative", "absolute"] as const).map((each) => command(times[each], () => prefer({ times: each }))),
    command(texts.shell.signOut, () => void signOut()),
  ];
}

function copies(): Command[] {
  const last = sentRequests.get().filter((each) => !each.url.includes("/users/profile"))[0];
  if (last === undefined) return [];
  const copy = (title: string, form: string | undefined) =>
    form === undefined
      ? []
      : [
          command(
            `${texts.shell.apiMenu} ${title}`,
            () => void navigator.clipboard.writeText(form).then(() => toast.done(texts.verbs.copied)),
          ),
        ];
  return [
    ...copy(texts.shell.asCurl, asCurl(last)),
    ...copy(texts.shell.asPython, asPython(last)),
    ...copy(texts.shell.asCommand, asCommand(last)),
  ];
}

const command = (title: string, run: () => void): Command => ({ key: title, title, run });
