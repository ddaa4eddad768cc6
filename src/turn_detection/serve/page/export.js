/** The replay as files: a picture, and JSON that this page reads again. */

import { svg } from './dom.js';
import { outcome, totals } from './simulate.js';
import { GUTTER, HEIGHT, drawNames, drawTimeline, durationOf, rivals } from './timeline.js';

/** The picture is broken into rows, as a text is into lines; what would need more rows is drawn smaller. */
const ROW_PX = 1400;
const MAX_ROWS = 10;
const PX_PER_S = 90;
/** Pixels of the file for each of the drawing: letters stay sharp. */
const SHARPNESS = 2;
const MARGIN = 16;
const LINE = 20;
/** What a stylesheet gives, and a picture on its own must carry. */
const CARRIED = ['fill', 'fill-opacity', 'stroke', 'stroke-width', 'stroke-dasharray', 'stroke-linecap', 'opacity', 'font-size',
  'font-family', 'font-weight', 'text-anchor'];

/** The dialogue in the format that can be loaded again, with every moment's probability and what became of it. */
export function jsonOf(dialogue, policy) {
  const moments = dialogue.moments.filter(({ isPause, isEnd }) => isPause || isEnd);
  const named = rivals(policy).map((rival, index) => [index ? `timer_${rival.policy.min_delay_s}` : 'detector', rival.policy]);
  const content = {
    messages: dialogue.turns.map(({ role, words }) => ({
      role, words: words.map(({ text, startS, endS }) => ({ text, start: round(startS), end: round(endS) })),
    })),
    times_made_up: dialogue.madeUp,
    policy,
    moments: moments.map((moment) => ({
      message: moment.turn + 1,
      text: moment.text,
      start_s: round(moment.startS),
      pause_s: moment.pauseS === null ? null : round(moment.pauseS),
      eot_probability: moment.p,
      outcomes: Object.fromEntries(named.map(([name, one]) => [name, told(outcome(one, moment))])),
    })),
    totals: Object.fromEntries(named.map(([name, one]) => {
      const sums = totals(one, moments);
      return [name, {
        pauses: sums.nPauses, cut_offs: sums.nCut, ends: sums.nEnds,
        mean_delay_s: sums.meanDelayS === null ? null : round(sums.meanDelayS),
      }];
    })),
  };
  return `${JSON.stringify(content, null, 2)}\n`;
}

function told({ delayS, spokeAtS, cut }) {
  return { delay_s: round(delayS), spoke_at_s: spokeAtS === null ? null : round(spokeAtS), cut_off: cut };
}

/** Milliseconds are as fine as words are timed. */
function round(seconds) {
  return Math.round(seconds * 1000) / 1000;
}

/** A PNG of the whole drawing in the colours of the page, with totals above it. */
export async function pngOf(dialogue, policy, t) {
  const pxPerS = Math.min(PX_PER_S, (MAX_ROWS * ROW_PX) / durationOf(dialogue, policy));
  const { node, width } = drawTimeline({ dialogue, policy, t, pxPerS });
  const lines = captions(dialogue, policy, t);
  const nRows = Math.ceil(width / ROW_PX);
  const top = MARGIN + lines.length * LINE + 8;
  const [wide, high] = [2 * MARGIN + GUTTER + Math.min(width, ROW_PX), top + nRows * (HEIGHT + MARGIN)];
  node.setAttribute('id', 'whole');
  const rows = Array.from({ length: nRows }, (_, row) => {
    const y = top + row * (HEIGHT + MARGIN);
    const names = drawNames(t);
    names.setAttribute('transform', `translate(${MARGIN} ${y})`);
    // A drawing inside a drawing shows its part only.
    const part = svg('svg', { x: MARGIN + GUTTER, y, width: ROW_PX, height: HEIGHT, viewBox: `${row * ROW_PX} 0 ${ROW_PX} ${HEIGHT}` },
      svg('use', { href: '#whole' }));
    return [names, part];
  });
  const picture = svg('svg', { class: 'tl tl-offstage', width: wide, height: high, viewBox: `0 0 ${wide} ${high}` },
    svg('defs', {}, node),
    svg('rect', { class: 'tl-paper', width: wide, height: high }),
    lines.map((line, index) => svg('text', { class: 'tl-caption', x: MARGIN, y: MARGIN + 12 + index * LINE }, line)),
    rows.flat());
  document.body.append(picture); // styles apply only to what is in the page
  let source;
  try {
    source = new XMLSerializer().serializeToString(carryStyles(picture));
  } finally {
    picture.remove();
  }
  return rendered(source, wide * SHARPNESS, high * SHARPNESS);
}

function captions(dialogue, policy, t) {
  const moments = dialogue.moments.filter(({ isPause, isEnd }) => isPause || isEnd);
  const lines = rivals(policy).map((rival) => {
    const sums = totals(rival.policy, moments);
    const wait = sums.meanDelayS === null ? '–' : t.seconds(sums.meanDelayS);
    return t('png_line', { name: rival.name(t), cut: sums.nCut, total: sums.nPauses, wait });
  });
  return dialogue.madeUp === 'none' ? lines : [...lines, t(`times_${dialogue.madeUp}`)];
}

/** What a class looks like is asked for once: thousands of words look alike. */
function carryStyles(picture) {
  const nodes = [...picture.querySelectorAll('*')];
  const kindOf = (node) => `${node.tagName} ${node.getAttribute('class') ?? ''}`;
  const looks = new Map();
  for (const node of nodes) {
    if (looks.has(kindOf(node))) continue;
    const style = getComputedStyle(node);
    looks.set(kindOf(node), CARRIED.map((property) => [property, style.getPropertyValue(property)]));
  }
  for (const node of nodes) {
    for (const [property, value] of looks.get(kindOf(node))) node.setAttribute(property, value);
    node.removeAttribute('class');
  }
  return picture;
}

async function rendered(source, width, height) {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(source)}`;
  await image.decode();
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  canvas.getContext('2d').drawImage(image, 0, 0, width, height);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('the picture is too large'))), 'image/png');
  });
}

/** Let the browser save a file. */
export function saveAs(blob, name) {
  const link = Object.assign(document.createElement('a'), { href: URL.createObjectURL(blob), download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
