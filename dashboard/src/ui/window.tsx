import { texts } from "../texts";

export const WINDOWS = [3600, 21_600, 86_400, 604_800, 2_592_000] as const;
export const USUAL_WINDOW = 86_400;

/** How far back a page looks. */
export function WindowChoice({ value, onChange }: { value: number; onChange: (seconds: number) => void }) {
  return (
    <label className="row small">
      <span className="quiet">{texts.overview.window}</span>
      <select value={value} onChange={(event) => onChange(Number(event.target.value))}>
        {WINDOWS.map((each) => (
          <option key={each} value={each}>
            {texts.windows[each]}
          </option>
        ))}
      </select>
    </label>
  );
}
