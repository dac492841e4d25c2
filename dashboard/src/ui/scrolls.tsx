import type { ReactNode } from "react";

interface ScrollsProps {
  label: string;
  className?: string;
  children: ReactNode;
}

/** A part that scrolls by itself, by keyboard too. */
export function Scrolls({ label, className = "", children }: ScrollsProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: whatever scrolls must be reached by keyboard.
    <section className={`scrolls ${className}`} aria-label={label} tabIndex={0}>
      {children}
    </section>
  );
}
