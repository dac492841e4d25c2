interface BarsProps {
  values: readonly number[];
  largest: number;
  /** Intervals that are marked. */
  marked?: readonly boolean[];
  /** Intervals that are being chosen. */
  chosen?: readonly [number, number] | undefined;
}

const HEIGHT = 40;

/** Bars side by side that fill their place, whatever its size. */
export function Bars({ values, largest, marked, chosen }: BarsProps) {
  const [first, last] = chosen ? [Math.min(...chosen), Math.max(...chosen)] : [0, -1];
  return (
    <svg className="bars" viewBox={`0 0 ${values.length} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      {values.map((value, at) => {
        const height = (value / Math.max(1, largest)) * (HEIGHT - 1);
        return (
          <g key={at}>
            {marked?.[at] && <rect className="bars-burst" x={at} y={0} width={1} height={HEIGHT} />}
            {at >= first && at <= last && <rect className="bars-chosen" x={at} y={0} width={1} height={HEIGHT} />}
            <rect
              className={marked?.[at] ? "bars-bar bars-marked" : "bars-bar"}
              x={at + 0.08}
              y={HEIGHT - height}
              width={0.84}
              height={height}
            />
          </g>
        );
      })}
    </svg>
  );
}
