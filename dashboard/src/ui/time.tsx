import { duration } from "../formats/numbers";
import { moment, relative, secondsBetween } from "../formats/times";
import { preferences } from "../shell/preferences";
import { useNow } from "./now";
import { useStore } from "./store";

/** A moment as its reader likes it; the other form is its tooltip. */
export function Time({ at }: { at: string | null | undefined }) {
  const { zone, times } = useStore(preferences);
  const now = useNow();
  if (!at) return <span className="quiet">–</span>;
  const forms = [relative(at, now), moment(at, zone)] as const;
  const [shown, other] = times === "relative" ? forms : [forms[1], forms[0]];
  return (
    <time dateTime={at} title={other}>
      {shown}
    </time>
  );
}

/** How long something took, or has taken until now. */
export function Took({ from, to }: { from: string | null | undefined; to: string | null | undefined }) {
  const now = useNow();
  if (!from) return <span className="quiet">–</span>;
  return <>{duration(Math.max(0, secondsBetween(from, to, now)))}</>;
}
