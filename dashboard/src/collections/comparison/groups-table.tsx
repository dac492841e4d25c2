import { Link, useSearch } from "@tanstack/react-router";
import { number, share } from "../../formats/numbers";
import { defined } from "../../search";
import { texts } from "../../texts";
import { DataTable } from "../../ui/data-table";
import type { Column } from "../../ui/virtual-table";
import { BehindLink } from "./behind-link";
import { behind, type Comparison, countKinds, type Group, KINDS, type Kind, points, type ThemeOfRun } from "./groups";

const SIGNS: Record<Kind, string> = { kept: "=", split: "÷", merged: "∪", mixed: "≈", gone: "−", new: "+" };

/** Themes before and after, those that belong together in one row. */
export function Groups({ comparison }: { comparison: Comparison }) {
  const { kind } = useSearch({ from: "/collections/$workflow" });
  const rows = comparison.groups.filter((group) => kind === undefined || group.kind === kind);
  return (
    <section className="stack">
      <KindChoice comparison={comparison} />
      <DataTable
        label={texts.comparison.themes}
        className="panel comparison"
        columns={columnsOf(comparison)}
        rows={rows}
        keyOf={(group) => `${group.before}/${group.after}`}
      />
    </section>
  );
}

const classOf = (isChosen: boolean) => (isChosen ? "button chosen" : "button");

function KindChoice({ comparison }: { comparison: Comparison }) {
  const search = useSearch({ from: "/collections/$workflow" });
  const counts = countKinds(comparison.groups);
  const { kind: chosen, ...rest } = search;
  return (
    <nav className="row" aria-label={texts.comparison.kind}>
      <Link to="." search={rest} className={classOf(chosen === undefined)}>
        {texts.comparison.allThemes}
      </Link>
      {KINDS.filter((kind) => counts.has(kind) || kind === chosen).map((kind) => (
        <Link key={kind} to="." search={{ ...rest, kind }} className={classOf(chosen === kind)}>
          <span aria-hidden="true">{SIGNS[kind]}</span> {texts.comparison.kinds[kind]} {number(counts.get(kind) ?? 0)}
        </Link>
      ))}
    </nav>
  );
}

function columnsOf({ before, after }: Comparison): Omit<Column<Group>, "width">[] {
  const counted = (key: "stayed" | "left" | "joined" | "gone" | "new") => ({
    key,
    title: texts.comparison.counts[key],
    isNumber: true,
    cell: (group: Group) => (
      <BehindLink count={group[key]} to={behind(group)[key]} label={texts.comparison.counts[key]} />
    ),
  });
  return [
    {
      key: "kind",
      title: texts.comparison.kind,
      cell: ({ kind }) => (
        <span className={`comparison-kind comparison-${kind}`}>
          <span aria-hidden="true">{SIGNS[kind]}</span> {texts.comparison.kinds[kind]}
        </span>
      ),
    },
    { key: "before", title: texts.comparison.before, cell: (group) => <Side run={before} themes={group.before} /> },
    { key: "after", title: texts.comparison.after, cell: (group) => <Side run={after} themes={group.after} /> },
    {
      key: "share",
      title: texts.comparison.share,
      isNumber: true,
      cell: (group) => (
        <span className="nowrap">
          {share(group.share_before)} → {share(group.share_after)}
          <br />
          <span className="quiet small">{texts.comparison.points(points(group))}</span>
        </span>
      ),
    },
    counted("stayed"),
    counted("left"),
    counted("joined"),
    counted("gone"),
    counted("new"),
  ];
}

interface SideProps {
  run: Comparison["before"];
  themes: readonly number[];
}

function Side({ run, themes }: SideProps) {
  if (themes.length === 0) return <span className="quiet">–</span>;
  return (
    <ul className="comparison-side">
      {themes.map((theme) => {
        const found = run.themes[theme];
        return found && <OneTheme key={theme} run={run.id} theme={found} />;
      })}
    </ul>
  );
}

function OneTheme({ run, theme }: { run: string; theme: ThemeOfRun }) {
  const search = defined({ part: "documents" as const, theme: theme.theme });
  return (
    <li>
      <Link to="/collections/$workflow" params={{ workflow: run }} search={search}>
        {theme.label}
      </Link>{" "}
      <span className="quiet small nowrap">
        {number(theme.documents)} · {share(theme.share)}
      </span>
      <div className="quiet small ellipsis">{theme.terms.join(", ")}</div>
    </li>
  );
}
