import { useId } from 'preact/hooks';
import { useNarrow } from '../ui/use-narrow.ts';
import { marksUpTo } from './scale.ts';

export interface Bar {
  /** RFC 3339. */
  readonly at: string;
  /** The name of the hour or day. */
  readonly name: string;
  /** The label below the axis, if any. */
  readonly tick: string | undefined;
  readonly peak_seats: number;
  readonly denials: number;
}

interface ChartProps {
  readonly title: string;
  readonly bars: readonly Bar[];
  /** Seats of the license now. */
  readonly max: number;
  /** The heading of the table's first column. */
  readonly unit: string;
}

/** In units of the chart. A unit is about a pixel on the screen. */
const WIDTH = { wide: 960, narrow: 380 } as const;
const LEFT = 44;
const RIGHT = 22;
const TOP = 12;
const SEATS_HEIGHT = 190;
const GAP = 26;
const DENIALS_HEIGHT = 54;
const DENIALS_TOP = TOP + SEATS_HEIGHT + GAP;
const TICKS_HEIGHT = 28;

/** Peak seats, denials below them on their own scale, and the same numbers as a table. */
export function Chart({ title, bars, max, unit }: ChartProps) {
  const heading = useId();
  const peak = Math.max(0, ...bars.map(({ peak_seats }) => peak_seats));
  const denials = bars.reduce((sum, bar) => sum + bar.denials, 0);
  return (
    <section class="card chart-card" aria-labelledby={heading}>
      <h2 id={heading}>{title}</h2>
      <div class="legend small">
        <span class="key seats">Peak seats</span>
        <span class="key limit">Seats of the license ({max})</span>
        <span class="key denials">Denied requests{denials === 0 && ': none'}</span>
      </div>
      <div role="img" aria-label={summaryOf(title, peak, max, denials)}>
        <Bars bars={bars} max={max} peak={peak} hasDenials={denials > 0} />
      </div>
      <details>
        <summary>Show as table</summary>
        <Numbers bars={bars} unit={unit} title={title} />
      </details>
    </section>
  );
}

function summaryOf(title: string, peak: number, max: number, denials: number): string {
  const denied = denials === 0 ? 'no request was denied' : `${denials} requests were denied`;
  return `${title}: at most ${peak} of ${max} seats were in use at once, and ${denied}. The table below has the numbers.`;
}

interface BarsProps {
  readonly bars: readonly Bar[];
  readonly max: number;
  readonly peak: number;
  readonly hasDenials: boolean;
}

function Bars({ bars, max, peak, hasDenials }: BarsProps) {
  const height = (hasDenials ? DENIALS_TOP + DENIALS_HEIGHT : TOP + SEATS_HEIGHT) + TICKS_HEIGHT;
  const isNarrow = useNarrow();
  const chartWidth = isNarrow ? WIDTH.narrow : WIDTH.wide;
  const ticked = bars.filter(({ tick }) => tick !== undefined);
  const ticks = new Set(isNarrow ? ticked.filter((_, index) => index % 2 === 0) : ticked);
  const marks = marksUpTo(Math.max(max, peak));
  const top = marks.at(-1) ?? 1;
  const mostDenials = Math.max(1, ...bars.map(({ denials }) => denials));
  const step = (chartWidth - LEFT - RIGHT) / Math.max(1, bars.length);
  const width = step * 0.72;
  const seatsY = (seats: number): number => TOP + SEATS_HEIGHT * (1 - seats / top);
  const xOf = (index: number): number => LEFT + index * step + (step - width) / 2;
  return (
    <svg class="chart" viewBox={`0 0 ${chartWidth} ${height}`} aria-hidden="true">
      {marks.map((mark) => (
        <g key={mark}>
          <line class="grid" x1={LEFT} x2={chartWidth - RIGHT} y1={seatsY(mark)} y2={seatsY(mark)} />
          <text class="mark" x={LEFT - 8} y={seatsY(mark)} dy="0.32em" text-anchor="end">
            {mark}
          </text>
        </g>
      ))}
      {hasDenials && (
        <>
          <line
            class="grid"
            x1={LEFT}
            x2={chartWidth - RIGHT}
            y1={DENIALS_TOP + DENIALS_HEIGHT}
            y2={DENIALS_TOP + DENIALS_HEIGHT}
          />
          <text class="mark" x={LEFT - 8} y={DENIALS_TOP} dy="0.32em" text-anchor="end">
            {mostDenials}
          </text>
        </>
      )}
      {bars.map((bar, index) => {
        const { at, name, tick, peak_seats, denials } = bar;
        const denialsHeight = (DENIALS_HEIGHT * denials) / mostDenials;
        return (
          <g key={at}>
            <title>{`${name}: peak of ${peak_seats} seats, ${denials} denied`}</title>
            {/* Shows the tooltip also for bars without height. */}
            <rect class="column" x={LEFT + index * step} y={TOP} width={step} height={height - TOP} />
            <rect
              class="seats"
              x={xOf(index)}
              y={seatsY(peak_seats)}
              width={width}
              height={seatsY(0) - seatsY(peak_seats)}
              rx={Math.min(2, width / 4)}
            />
            {denials > 0 && (
              <rect
                class="denials"
                x={xOf(index)}
                y={DENIALS_TOP + DENIALS_HEIGHT - denialsHeight}
                width={width}
                height={denialsHeight}
                rx={Math.min(2, width / 4)}
              />
            )}
            {ticks.has(bar) && (
              <text class="mark" x={xOf(index) + width / 2} y={height - 8} text-anchor="middle">
                {tick}
              </text>
            )}
          </g>
        );
      })}
      <line class="limit" x1={LEFT} x2={chartWidth - RIGHT} y1={seatsY(max)} y2={seatsY(max)} />
    </svg>
  );
}

interface NumbersProps {
  readonly bars: readonly Bar[];
  readonly unit: string;
  readonly title: string;
}

function Numbers({ bars, unit, title }: NumbersProps) {
  return (
    <table class="numbers">
      <caption class="sr-only">{title}</caption>
      <thead>
        <tr>
          <th scope="col">{unit}</th>
          <th scope="col" class="number">
            Peak seats
          </th>
          <th scope="col" class="number">
            Denied
          </th>
        </tr>
      </thead>
      <tbody>
        {bars.toReversed().map(({ at, name, peak_seats, denials }) => (
          <tr key={at}>
            <th scope="row">{name}</th>
            <td class="number">{peak_seats}</td>
            <td class="number">{denials}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
