import { ErrorNote } from "../../ui/notes";
import { useThemes } from "../use-themes";
import { DocumentMap } from "./map";

interface MapTabProps {
  workflow: string;
  /** The themes that stand out; all of them by default. */
  only?: readonly number[] | undefined;
  onOpen: (document: string) => void;
}

/** The map once its themes are known. */
export default function MapTab({ workflow, only, onOpen }: MapTabProps) {
  const themes = useThemes(workflow);
  if (themes.error !== null) return <ErrorNote error={themes.error} retry={themes.retry} />;
  return themes.isLoaded ? <DocumentMap workflow={workflow} themes={themes.rows} only={only} onOpen={onOpen} /> : null;
}
