import { useState } from "react";
import { prefer, preferences } from "../shell/preferences";
import { texts } from "../texts";
import { useStore } from "../ui/store";

/** Whether the browser tells its user of what ends; it asks them first. */
export function Notifications() {
  const { notifies } = useStore(preferences);
  const [isRefused, setIsRefused] = useState(false);
  const change = async (wanted: boolean) => {
    const isAllowed = wanted && (await Notification.requestPermission()) === "granted";
    setIsRefused(wanted && !isAllowed);
    prefer({ notifies: isAllowed });
  };
  return (
    <section className="panel">
      <h2>{texts.shell.preferences}</h2>
      <label className="row">
        <input type="checkbox" checked={notifies} onChange={(event) => void change(event.target.checked)} />
        {texts.shell.notifications}
      </label>
      {isRefused && <p role="alert">{texts.shell.notificationsRefused}</p>}
    </section>
  );
}
