// Tables and plots of figures, without a library: a plot is a page of SVG that is read in light and dark.

const WIDTH = 440;
const HEIGHT = 280;
const LEFT = 52;
const RIGHT = 16;
const TOP = 44;
const BOTTOM = 62;
/** Told apart without red and green. */
const COLORS = ['#0072b2', '#d55e00', '#8a6d00'];

/** A table of Markdown. */
export function table(heads, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(heads), line(heads.map(() => '---')), ...rows.map(line)].join('\n');
}

/** A plot of several series of [x, y]; `xs` stand at even distances. */
export function lines({ title, x, y, xs, series }) {
  const most = ceiling(Math.max(...series.flatMap(({ points }) => points.map(([, value]) => value))));
  const left = (value) => LEFT + (xs.indexOf(value) / (xs.length - 1)) * (WIDTH - LEFT - RIGHT);
  const top = (value) => TOP + (1 - value / most) * (HEIGHT - TOP - BOTTOM);
  const text = (at, value, more = '') => `<text x="${at[0].toFixed(1)}" y="${at[1].toFixed(1)}" ${more}>${value}</text>`;
  const steps = [0, 0.25, 0.5, 0.75, 1].map((part) => part * most);
  const grid = steps.flatMap((step) => [
    `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${top(step).toFixed(1)}" y2="${top(step).toFixed(1)}"/>`,
    text([LEFT - 6, top(step) + 4], round(step), 'text-anchor="end"'),
  ]);
  const marks = xs.map((value) => text([left(value), HEIGHT - BOTTOM + 16], value, 'text-anchor="middle"'));
  const drawn = series.flatMap(({ name, points }, index) => {
    const color = COLORS[index % COLORS.length];
    const at = points.map(([value, measured]) => `${left(value).toFixed(1)},${top(measured).toFixed(1)}`);
    const legend = LEFT + index * 120;
    return [
      `<polyline fill="none" stroke="${color}" stroke-width="2" points="${at.join(' ')}"/>`,
      ...at.map((point) => `<circle r="3" fill="${color}" cx="${point.split(',')[0]}" cy="${point.split(',')[1]}"/>`),
      `<rect x="${legend}" y="${HEIGHT - 20}" width="12" height="4" fill="${color}"/>`,
      text([legend + 17, HEIGHT - 14], name),
    ];
  });
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img">`,
    `<title>${title}</title>`,
    '<style>text{font:12px system-ui,sans-serif;fill:#444}.title{font-weight:600}.grid{stroke:#8884}',
    '@media(prefers-color-scheme:dark){text{fill:#ccc}}</style>',
    text([LEFT, 18], title, 'class="title"'),
    text([LEFT, 34], y),
    ...grid,
    ...marks,
    text([WIDTH - RIGHT, HEIGHT - BOTTOM + 32], x, 'text-anchor="end"'),
    ...drawn,
    '</svg>',
  ].join('\n')}\n`;
}

/** The next round number above. */
function ceiling(value) {
  const power = 10 ** Math.floor(Math.log10(value || 1));
  return [1, 2, 4, 5, 8, 10].map((step) => step * power).find((step) => step >= value);
}

function round(value) {
  return value >= 10 ? Math.round(value) : Math.round(value * 100) / 100;
}
