import { Component, type ReactNode } from "react";
import { texts } from "../texts";

/** Keeps what fails from taking the page with it, and says what it was. */
export class Boundary extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render() {
    const { error } = this.state;
    if (error === null) return this.props.children;
    return (
      <div className="panel" role="alert">
        <h1>{texts.errors.broken}</h1>
        <p>{texts.errors.brokenHint}</p>
        <pre>{error.stack ?? String(error)}</pre>
        <div className="row">
          <button type="button" onClick={() => location.reload()}>
            {texts.verbs.tryAgain}
          </button>
        </div>
      </div>
    );
  }
}
