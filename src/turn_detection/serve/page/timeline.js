/**
 * The drawing of a call, as SVG: what both said, the caller's pauses, the probability under his words, and for the policy and for every
 * silence timer how long it keeps silent, where it cuts in and where it answers. The table of pauses says the same in words.
 */

import { svg } from './dom.js';
import { TIMERS_S, delayS, outcome, timerPolicy } from './simulate.js';

const AXIS = { y: 0, height: 18 };
const BOT = { y: 24, height: 24 };
const CALLER = { y: 54, height: 28 };
const CURVE = { y: 98, height: 60 };
const DECISIONS_Y = 172;
const DECISION_HEIGHT = 22;
/** Words are left out where they would not fit: 13 letters a second. */
const READABLE_PX_PER_S = 60;

export const HEIGHT = DECISIONS_Y + DECISION_HEIGHT * (1 + TIMERS_S.length) + 6;
/** Width of the rows' names. */
export const GUTTER = 86;

/** The policy, and the timers to compare it with: `[{policy, name(t)}]`. */
export function rivals(policy) {
  return [
    { policy, name: (t) => t('we') },
    ...TIMERS_S.map((seconds) => ({ policy: timerPolicy(seconds), name: (t) => t('timer', { s: t.number(seconds, 1) }) })),
  ];
}

/** Where the drawing ends, seconds: the last word, or the last answer of a rival. */
export function durationOf(dialogue, policy) {
  const longestS = Math.max(policy.max_delay_s, ...TIMERS_S);
  return Math.max(...dialogue.turns.map((turn) => turn.words.at(-1).endS + (turn.role === 'client' ? longestS : 0))) + 0.3;
}

/** The names of the rows, `GUTTER` wide. */
export function drawNames(t) {
  const row = (y, text, name) => svg('text', { x: 4, y, class: `tl-name ${name ?? ''}` }, text);
  return svg('g', {},
    row(BOT.y + 16, t('bot')),
    row(CALLER.y + 18, t('caller')),
    row(CURVE.y + 12, t('p_row')),
    svg('text', { x: GUTTER - 4, y: CURVE.y + 8, class: 'tl-scale' }, '1'),
    svg('text', { x: GUTTER - 4, y: CURVE.y + CURVE.height, class: 'tl-scale' }, '0'),
    rivals({}).map(({ name }, index) => row(decisionY(index) + 4, name(t), index ? '' : 'tl-ours')));
}

/**
 * @param options `{dialogue, policy, t, pxPerS}`
 * @returns `{node, width, x, setNow}`: an SVG group, its width in pixels, `x(seconds)`, and `setNow(seconds | null)`, which veils what
 *   is still to come.
 */
export function drawTimeline({ dialogue, policy, t, pxPerS }) {
  const x = (seconds) => Math.round(seconds * pxPerS * 10) / 10;
  const width = Math.ceil(x(durationOf(dialogue, policy)));
  const moments = dialogue.moments.filter(({ isPause, isEnd }) => isPause || isEnd);
  const head = svg('line', { class: 'tl-head', y1: 0, y2: HEIGHT, visibility: 'hidden' });
  const veil = svg('rect', { class: 'tl-veil', x: width, y: AXIS.height, width: 0, height: HEIGHT - AXIS.height });
  const node = svg('g', {},
    svg('rect', { class: 'tl-lane', x: 0, y: CURVE.y, width, height: CURVE.height }),
    svg('rect', { class: 'tl-lane', x: 0, y: decisionY(0) - 9, width, height: 18 }),
    drawAxis(width, pxPerS, x, t),
    dialogue.turns.flatMap((turn) => drawTurn(turn, x, pxPerS)),
    drawCurve(dialogue, policy, x, width),
    moments.flatMap((moment) => drawMoment(moment, x, t)),
    rivals(policy).flatMap((rival, index) => moments.map((moment) => drawDecision(rival, index, moment, x, t))),
    veil, head);

  function setNow(nowS) {
    const at = nowS === null ? width : Math.min(x(nowS), width);
    veil.setAttribute('x', at);
    veil.setAttribute('width', width - at);
    head.setAttribute('x1', at);
    head.setAttribute('x2', at);
    head.setAttribute('visibility', nowS === null ? 'hidden' : 'visible');
  }
  return { node, width, x, setNow };
}

function decisionY(index) {
  return DECISIONS_Y + DECISION_HEIGHT * index + DECISION_HEIGHT / 2;
}

function drawAxis(width, pxPerS, x, t) {
  const everyS = [1, 2, 5, 10, 30, 60, 300].find((seconds) => seconds * pxPerS >= 55) ?? 600;
  const marks = [];
  for (let seconds = 0; x(seconds) < width; seconds += everyS) {
    marks.push(svg('line', { class: 'tl-tick', x1: x(seconds), x2: x(seconds), y1: AXIS.height, y2: HEIGHT }));
    // The first number would lose its left half.
    if (seconds) marks.push(svg('text', { class: 'tl-axis', x: x(seconds), y: 12 }, clock(seconds, t)));
  }
  return marks;
}

/** «0:07». */
export function clock(seconds) {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}

function drawTurn(turn, x, pxPerS) {
  const lane = turn.role === 'agent' ? BOT : CALLER;
  return turn.words.map((word) => {
    const width = Math.max(1.5, x(word.endS) - x(word.startS));
    return svg('g', {},
      svg('rect', { class: `tl-word tl-${turn.role}`, x: x(word.startS), y: lane.y, width, height: lane.height, rx: 3 }),
      pxPerS >= READABLE_PX_PER_S
        ? svg('text', { class: 'tl-text', x: x(word.startS) + width / 2, y: lane.y + lane.height / 2 + 4 }, word.text) : null);
  });
}

function curveY(p) {
  return CURVE.y + CURVE.height * (1 - p);
}

/** A step at the end of every word of the caller, held through the silence after it until the policy would speak. */
function drawCurve(dialogue, policy, x, width) {
  const steps = dialogue.turns.flatMap((_, number) => {
    const moments = dialogue.moments.filter(({ turn }) => turn === number);
    if (!moments.length) return [];
    const last = moments.at(-1);
    const ends = x(last.startS + delayS(policy, last.p));
    const path = moments.map(({ startS, p }, index) => `${index ? 'H' : 'M'}${x(startS)}${index ? 'V' : ' '}${curveY(p)}`).join('');
    const floor = curveY(0);
    return [
      svg('path', { class: 'tl-area', d: `${path}H${ends}V${floor}H${x(moments[0].startS)}Z` }),
      svg('path', { class: 'tl-curve', d: `${path}H${ends}` }),
    ];
  });
  const threshold = curveY(policy.threshold);
  return [...steps, svg('line', { class: 'tl-threshold', x1: 0, x2: width, y1: threshold, y2: threshold })];
}

/** The pause as a gap with its length, and the probability there. */
function drawMoment(moment, x, t) {
  const from = x(moment.startS);
  const shown = [svg('circle', { class: moment.isEnd ? 'tl-end' : 'tl-pause', cx: from, cy: curveY(moment.p), r: 3.5 })];
  if (moment.isEnd) return shown;
  const to = x(moment.startS + moment.pauseS);
  const y = CALLER.y + CALLER.height / 2;
  shown.push(svg('line', { class: 'tl-gap', x1: from + 2, x2: to - 2, y1: y, y2: y }));
  if (to - from > 30) shown.push(svg('text', { class: 'tl-length', x: (from + to) / 2, y: y - 5 }, t.number(moment.pauseS, 1)));
  return shown;
}

function drawDecision({ policy, name }, index, moment, x, t) {
  const found = outcome(policy, moment);
  const { delayS: wait, spokeAtS, cut } = found;
  const y = decisionY(index);
  const from = x(moment.startS);
  const to = x(moment.startS + Math.min(wait, moment.pauseS ?? wait));
  const bar = svg('rect', {
    class: spokeAtS === null ? 'tl-held' : 'tl-waiting', x: from, y: y - 3, width: Math.max(1, to - from), height: 6,
  });
  const sign = spokeAtS === null ? null
    : cut ? svg('path', { class: 'tl-cut', d: `M${to - 5} ${y - 5}l10 10m0 -10l-10 10` })
      : svg('circle', { class: 'tl-answer', cx: to, cy: y, r: 5 });
  return svg('g', {}, svg('title', {}, `${name(t)}: ${verdictText(found, t)}, ${t.seconds(wait)}`), bar, sign);
}

/** «перебил», «дождался», «ответил». */
export function verdictText({ spokeAtS, cut }, t) {
  return t(spokeAtS === null ? 'held' : cut ? 'was_cut' : 'answered');
}

/** Words of the drawing, for the dictionaries of those who show it. */
export const timelineWords = {
  ru: {
    we: 'детектор', timer: 'таймер {s} с', p_row: 'P(конец)', held: 'дождался', was_cut: 'перебил', answered: 'ответил',
  },
  en: {
    we: 'detector', timer: 'timer {s} s', p_row: 'P(end)', held: 'waited', was_cut: 'cut in', answered: 'answered',
  },
};
