import { Outlet, useRouterState } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useRef } from "react";
import { contact } from "../api/contact";
import { SignIn } from "../signing-in/sign-in";
import { texts } from "../texts";
import { Boundary } from "../ui/boundary";
import { useStore } from "../ui/store";
import { Toasts } from "../ui/toasts";
import { Navigation } from "./navigation";
import { useSession } from "./session";
import { useShortcuts } from "./shortcuts";
import "./shell.css";

const NewPassword = lazy(() => import("../signing-in/new-password"));
const Palette = lazy(() => import("./palette"));

/** Around every page: who one is, where one can go, and whether the gateway answers. */
export function Shell() {
  const session = useSession();
  const { isPaletteOpen, closePalette } = useShortcuts();
  const path = useRouterState({ select: (state) => state.location.pathname });
  const page = useRef<HTMLElement>(null);

  useEffect(() => {
    document.title = `${path === "/" ? texts.pages.overview : path.slice(1)} · ${texts.shell.title}`;
  }, [path]);

  if (session.state === "unknown") return <Unknown />;
  if (session.state === "signed-out") return <SignIn />;
  return (
    <div className="shell">
      <button type="button" className="skip" onClick={() => page.current?.focus()}>
        {texts.shell.skip}
      </button>
      <Suspense fallback={null}>
        {session.state === "must-change" ? (
          <NewPassword />
        ) : (
          <>
            <Navigation profile={session.profile} />
            <main ref={page} id="content" tabIndex={-1} className="page">
              <Away />
              <Boundary key={path}>
                <Suspense fallback={<p className="quiet">{texts.shell.loading}</p>}>
                  <Outlet />
                </Suspense>
              </Boundary>
            </main>
            {isPaletteOpen && <Palette profile={session.profile} onClose={closePalette} />}
          </>
        )}
      </Suspense>
      <Toasts />
    </div>
  );
}

function Unknown() {
  return (
    <main className="page">
      <Away />
      <p className="quiet">{texts.shell.loading}</p>
    </main>
  );
}

function Away() {
  const state = useStore(contact);
  return (
    <div role="alert">
      {state === "away" && (
        <p className="away">
          <strong>{texts.errors.unreachable}</strong>: {texts.errors.unreachableHint}
        </p>
      )}
    </div>
  );
}
