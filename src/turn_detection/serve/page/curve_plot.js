/** Cut-offs against waiting, drawn: lines of policies, points of single ones. */

import { el, replace, svg } from './dom.js';

const HEIGHT = 300;
const LEFT = 46;
const RIGHT = 12;
const TOP = 20;
const BOTTOM = 40;

/**
 * @returns `{node, draw({lines, points}, t)}`; a line is `{name, rows: [[delay_s, share]], style}`, a point `{name, at: [delay_s, share],
 *   style, label}`; a style is a class of tune.css.
 */
export function curvePlot() {
  const picture = svg('svg', { class: 'plot', height: HEIGHT, role: 'img' });
  const legend = el('ul', { class: 'row tl-legend' });
  const node = el('div', { class: 'stack plot-box' }, picture, legend);
  let last = null;
  new ResizeObserver(() => { if (last) draw(...last); }).observe(node);

  function draw(content, t) {
    last = [content, t];
    const { lines, points } = content;
    const width = Math.max(240, node.clientWidth);
    const farthest = Math.ceil(2 * Math.max(1.5, ...points.map(({ at }) => at[0] * 1.1))) / 2;
    const shown = [...lines.flatMap(({ rows }) => rows), ...points.map(({ at }) => at)].filter(([delay]) => delay <= farthest);
    const highest = Math.ceil(10 * Math.max(0.2, ...shown.map(([, cutoffs]) => cutoffs))) / 10;
    const x = (delay) => LEFT + ((width - LEFT - RIGHT) * delay) / farthest;
    const y = (cutoffs) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - cutoffs / highest);
    picture.setAttribute('width', width);
    replace(picture,
      axes(x, y, farthest, highest, width, t),
      lines.map(({ rows, style }) => svg('path', { class: `plot-line ${style}`, d: stairs(rows, x, y, farthest) })),
      points.map(({ at, style, label }) => svg('g', {}, mark(style, x(at[0]), y(at[1])),
        label ? svg('text', { class: 'plot-label', x: x(at[0]) + 7, y: y(at[1]) - 6 }, label) : null)));
    picture.setAttribute('aria-label', t('plot_alt'));
    const sample = (style, isLine) => svg('svg', { class: 'plot', width: 24, height: 14, 'aria-hidden': 'true' },
      isLine ? svg('path', { class: `plot-line ${style}`, d: 'M1 7H23' }) : mark(style, 12, 7));
    replace(legend, [...lines.map((line) => [line, true]), ...points.map((point) => [point, false])]
      .filter(([{ name }]) => name).map(([{ name, style }, isLine]) => el('li', {}, sample(style, isLine), name)));
  }
  return { node, draw };
}

/** Between two policies there is none: a line goes on at the cut-offs of the last one until the next, better one. */
function stairs(rows, x, y, farthest) {
  const near = rows.filter(([delay]) => delay <= farthest);
  if (!near.length) return '';
  const steps = near.map(([delay, cutoffs], index) => {
    const [over, down] = index ? ['H', 'V'] : ['M', ' '];
    return `${over}${x(delay).toFixed(1)}${down}${y(cutoffs).toFixed(1)}`;
  });
  return `${steps.join('')}H${x(farthest).toFixed(1)}`;
}

function mark(style, x, y) {
  if (style === 'plot-matching') return svg('path', { class: style, d: `M${x} ${y - 6}l6 6l-6 6l-6 -6Z` });
  if (style === 'plot-timer') return svg('rect', { class: style, x: x - 4, y: y - 4, width: 8, height: 8 });
  return svg('circle', { class: style, cx: x, cy: y, r: 7 });
}

function axes(x, y, farthest, highest, width, t) {
  const parts = [];
  for (let cutoffs = 0; cutoffs <= highest + 1e-9; cutoffs += highest > 0.5 ? 0.2 : 0.1) {
    parts.push(svg('line', { class: 'plot-grid', x1: LEFT, x2: width - RIGHT, y1: y(cutoffs), y2: y(cutoffs) }),
      svg('text', { class: 'plot-tick plot-end', x: LEFT - 6, y: y(cutoffs) + 4 }, t.percent(cutoffs)));
  }
  for (let delay = 0; delay <= farthest + 1e-9; delay += 0.5) {
    parts.push(svg('text', { class: 'plot-tick', x: x(delay), y: HEIGHT - BOTTOM + 16 }, t.number(delay, 1)));
  }
  parts.push(svg('text', { class: 'plot-tick', x: (LEFT + width) / 2, y: HEIGHT - 6 }, t('axis_delay')));
  return parts;
}

/** Cut-offs of a line at a waiting time: those of the last policy that waits no longer; null before the first. */
export function cutoffsAt(rows, delay) {
  const reached = rows.filter(([at]) => at <= delay + 1e-9);
  return reached.length ? reached.at(-1)[1] : null;
}
