import { Link, useNavigate, useRouterState } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { api, client } from "../api/client";
import { queries } from "../api/queries";
import { defined } from "../search";
import { texts } from "../texts";
import { useStore } from "../ui/store";
import mark from "./mark.svg";
import { PAGES } from "./pages";
import { prefer, preferences } from "./preferences";
import { useProject } from "./project";
import { hasRole, type Profile } from "./session";
import { openPalette } from "./shortcuts";

/** Where one can go, in which project, and how one likes it. */
export function Navigation({ profile }: { profile: Profile }) {
  const [isOpen, setIsOpen] = useState(false);
  const path = useRouterState({ select: (state) => state.location.pathname });
  const project = useProject();
  // biome-ignore lint/correctness/useExhaustiveDependencies: another page closes the menu of a small screen.
  useEffect(() => setIsOpen(false), [path]);

  return (
    <nav className="navigation" aria-label={texts.shell.navigation} data-open={isOpen}>
      <div className="head row between">
        <Link to="/" search={project} className="brand">
          <img src={mark} alt="" width="22" height="22" />
          {texts.shell.title}
        </Link>
        <button type="button" className="toggle" aria-expanded={isOpen} onClick={() => setIsOpen(!isOpen)}>
          {texts.shell.menu}
        </button>
      </div>
      <ProjectChoice profile={profile} />
      <ul>
        {PAGES.filter((page) => !page.role || hasRole(profile, page.role)).map((page) => (
          <li key={page.to}>
            <Link to={page.to} search={project} activeOptions={{ exact: page.to === "/", includeSearch: false }}>
              <span aria-hidden="true">{page.sign}</span>
              {page.title}
            </Link>
          </li>
        ))}
      </ul>
      <Bottom profile={profile} />
    </nav>
  );
}

function ProjectChoice({ profile }: { profile: Profile }) {
  const { project } = useProject();
  const navigate = useNavigate();
  const all = api.useQuery("get", "/v1/projects", {}, { staleTime: 60_000 });
  const names = all.data?.items.map((each) => each.name) ?? Object.keys(profile.roles);
  return (
    <label>
      <span className="only-read-aloud">{texts.shell.project}</span>
      <select
        value={project ?? ""}
        onChange={(event) => {
          const chosen = event.target.value;
          void navigate({
            to: ".",
            search: (earlier: object) => defined({ ...earlier, project: chosen || undefined }),
          });
        }}
      >
        <option value="">{texts.shell.allProjects}</option>
        {names.map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
    </label>
  );
}

function Bottom({ profile }: { profile: Profile }) {
  const { theme, zone, times } = useStore(preferences);
  return (
    <div className="bottom small">
      <button type="button" className="plain" onClick={openPalette}>
        {texts.shell.palette} <kbd>Ctrl K</kbd>
      </button>
      <Choice
        label={texts.shell.theme}
        value={theme}
        onChange={(value) => prefer({ theme: value })}
        name={texts.shell.preferences}
      />
      <Choice label={texts.shell.zone} value={zone} onChange={(value) => prefer({ zone: value })} name="Zone" />
      <Choice label={texts.shell.times} value={times} onChange={(value) => prefer({ times: value })} name="Times" />
      <div className="row between">
        <Link to="/settings" className="ellipsis">
          {profile.display_name || profile.login}
        </Link>
        <button type="button" className="plain" onClick={signOut}>
          {texts.shell.signOut}
        </button>
      </div>
    </div>
  );
}

interface ChoiceProps<T extends string> {
  label: Record<T, string>;
  value: T;
  onChange: (value: T) => void;
  name: string;
}

function Choice<T extends string>({ label, value, onChange, name }: ChoiceProps<T>) {
  return (
    <select aria-label={name} value={value} onChange={(event) => onChange(event.target.value as T)}>
      {(Object.keys(label) as T[]).map((each) => (
        <option key={each} value={each}>
          {label[each]}
        </option>
      ))}
    </select>
  );
}

export async function signOut(): Promise<void> {
  await client.POST("/v1/auth/logout");
  queries.clear();
  await queries.invalidateQueries();
  location.reload();
}
