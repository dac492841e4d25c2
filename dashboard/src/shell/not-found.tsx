import { Link } from "@tanstack/react-router";
import { texts } from "../texts";

export function NotFound() {
  return (
    <div className="panel">
      <h1>{texts.errors.notFound}</h1>
      <Link to="/">{texts.pages.overview}</Link>
    </div>
  );
}
