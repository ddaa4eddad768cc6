/** The drawing in a box that scrolls sideways, with the names of its rows beside it, a zoom and a legend. */

import { el, reducedMotion, replace, svg } from './dom.js';
import { phrases } from './phrases.js';
import { GUTTER, HEIGHT, clock, drawNames, drawTimeline, durationOf } from './timeline.js';

/** Pixels per second; 0 fits the whole call into the box. */
const ZOOMS = [0, 40, 90, 150];

/**
 * @param options `{t, zoom}`; `zoom` is the place in `ZOOMS` to begin with
 * @returns `{node, draw(dialogue, policy), setNow(seconds | null), refresh()}`
 */
export function timelineView({ t, zoom = 2 }) {
  const { say, name, refresh } = phrases(t);
  let drawing = null;
  let last = null; // what was drawn last, to draw it again at another zoom
  let nowS = null;

  const names = svg('svg', { class: 'tl tl-names', width: GUTTER, height: HEIGHT, 'aria-hidden': 'true' });
  const picture = svg('svg', { class: 'tl', height: HEIGHT, role: 'img' });
  const scroll = name(el('div', { class: 'tl-scroll', tabindex: 0, role: 'region' }, picture), 'aria-label', 'timeline_region');
  const zooms = ZOOMS.map((pxPerS, index) => el('button', {
    class: 'button', type: 'button', 'aria-pressed': String(index === zoom), onclick: () => setZoom(index),
  }, pxPerS ? say('zoom_px', { n: index }) : say('zoom_fit')));
  const node = el('div', { class: 'stack tl-view' },
    el('div', { class: 'tl-box' }, names, scroll),
    el('div', { class: 'row tl-below' }, legend(say),
      name(el('div', { class: 'row tl-zoom', role: 'group' }, zooms), 'aria-label', 'zoom')));
  new ResizeObserver(() => { if (last && ZOOMS[zoom] === 0) draw(...last); }).observe(scroll);

  function setZoom(index) {
    zoom = index;
    for (const [place, button] of zooms.entries()) button.setAttribute('aria-pressed', String(place === zoom));
    if (last) draw(...last);
  }

  function draw(dialogue, policy) {
    if (last?.[0] !== dialogue) scroll.scrollLeft = 0;
    last = [dialogue, policy];
    const fit = Math.max(2, (scroll.clientWidth - 2) / durationOf(dialogue, policy));
    drawing = drawTimeline({ dialogue, policy, t, pxPerS: ZOOMS[zoom] || fit });
    picture.setAttribute('width', drawing.width);
    replace(picture, drawing.node);
    replace(names, drawNames(t));
    const nPauses = dialogue.moments.filter(({ isPause }) => isPause).length;
    picture.setAttribute('aria-label', t('timeline_alt', { time: clock(durationOf(dialogue, policy)), pauses: nPauses }));
    drawing.setNow(nowS);
  }

  function setNow(seconds) {
    nowS = seconds;
    if (drawing === null) return;
    drawing.setNow(nowS);
    if (nowS === null) return;
    const at = drawing.x(nowS) - scroll.scrollLeft;
    // With less motion the picture turns its page instead of sliding.
    const slides = !reducedMotion() && at > scroll.clientWidth * 0.6;
    if (slides) scroll.scrollLeft = drawing.x(nowS) - scroll.clientWidth * 0.6;
    else if (at < 0 || at > scroll.clientWidth * 0.95) scroll.scrollLeft = drawing.x(nowS) - scroll.clientWidth * 0.1;
  }

  return {
    node, draw, setNow,
    refresh() {
      refresh();
      if (last) draw(...last);
    },
  };
}

function legend(say) {
  const sign = (...shapes) => svg('svg', { class: 'tl', width: 22, height: 14, 'aria-hidden': 'true' }, ...shapes);
  const entry = (key, ...shapes) => el('li', {}, sign(...shapes), say(key));
  return el('ul', { class: 'row tl-legend' },
    entry('legend_wait', svg('rect', { class: 'tl-waiting', x: 1, y: 4, width: 20, height: 6 })),
    entry('legend_held', svg('rect', { class: 'tl-held', x: 1, y: 4, width: 20, height: 6 })),
    entry('legend_cut', svg('path', { class: 'tl-cut', d: 'M6 2l10 10m0 -10l-10 10' })),
    entry('legend_answer', svg('circle', { class: 'tl-answer', cx: 11, cy: 7, r: 5 })),
    entry('legend_curve', svg('path', { class: 'tl-curve', d: 'M1 11H8V3H21' })),
    entry('legend_threshold', svg('line', { class: 'tl-threshold', x1: 1, x2: 21, y1: 7, y2: 7 })));
}

/** Words of the box, for the dictionaries of those who show it. */
export const viewWords = {
  ru: {
    timeline_region: 'Ход разговора, прокручивается вбок', zoom: 'Масштаб', zoom_fit: 'целиком', zoom_px: '×{n}',
    timeline_alt: 'Ход разговора, {time}, пауз внутри реплик: {pauses}. То же словами в таблице пауз.',
    legend_wait: 'молчит, потом говорит', legend_held: 'молчит, абонент продолжил', legend_cut: 'перебил', legend_answer: 'ответил',
    legend_curve: 'вероятность конца', legend_threshold: 'порог',
  },
  en: {
    timeline_region: 'Course of the call, scrolls sideways', zoom: 'Zoom', zoom_fit: 'whole', zoom_px: '×{n}',
    timeline_alt: 'Course of the call, {time}, pauses inside turns: {pauses}. The table of pauses says the same in words.',
    legend_wait: 'keeps silent, then speaks', legend_held: 'keeps silent, the caller goes on', legend_cut: 'cuts in',
    legend_answer: 'answers', legend_curve: 'probability of the end', legend_threshold: 'threshold',
  },
};
