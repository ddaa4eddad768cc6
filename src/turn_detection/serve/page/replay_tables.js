/** What the drawing shows, in figures and words: totals of the rivals, and every pause. */

import { el, replace } from './dom.js';
import { phrases } from './phrases.js';
import { heardBy, outcome, totals } from './simulate.js';
import { clock, rivals, verdictText } from './timeline.js';

const DASH = '–';

/** @returns `{node, draw(policy, moments, nowS | null)}`; with a time only what was heard until then counts. */
export function totalsTable({ t, caption }) {
  const { say, name: label, refresh } = phrases(t);
  const body = el('tbody');
  const table = el('table', { class: 'replay-totals' },
    el('caption', { class: 'visually-hidden' }, say(caption)),
    el('thead', {}, el('tr', {},
      ['rival', 'total_cut', 'total_wait'].map((key) => el('th', { scope: 'col' }, say(key))))),
    body);
  const node = label(el('div', { class: 'table-wrap', tabindex: 0, role: 'region' }, table), 'aria-label', caption);

  function draw(policy, moments, nowS = null) {
    const rows = rivals(policy).map((rival) => {
      const heard = nowS === null ? moments : heardBy(rival.policy, moments, nowS);
      return { name: rival.name(t), ...totals(rival.policy, heard) };
    });
    replace(body, rows.map(({ name, nPauses, nCut, nEnds, meanDelayS }, index) => el('tr', { class: index ? null : 'tl-ours' },
      el('th', { scope: 'row' }, name),
      el('td', {}, share(nCut, nPauses, 'cut'), t('of', { n: nCut, total: nPauses })),
      el('td', {}, nEnds ? t.seconds(meanDelayS) : DASH))));
  }
  return { node, draw, refresh };
}

/** A bar of a share; the figure beside it says the same. */
function share(n, total, kind) {
  const bar = el('span', { class: `replay-share replay-${kind}`, 'aria-hidden': 'true' }, el('span'));
  bar.firstChild.style.width = `${total ? (100 * n) / total : 0}%`;
  return bar;
}

/** @returns `{node, draw(policy, dialogue)}`: the text alternative of the drawing. */
export function pausesTable({ t }) {
  const { say, name, refresh } = phrases(t);
  const head = el('tr');
  const body = el('tbody');
  const node = el('details', { class: 'card' }, el('summary', {}, say('pauses_title')),
    name(el('div', { class: 'table-wrap', tabindex: 0, role: 'region' }, el('table', {},
      el('caption', { class: 'visually-hidden' }, say('pauses_title')), el('thead', {}, head), body)), 'aria-label', 'pauses_title'));

  function draw(policy, dialogue) {
    const all = rivals(policy);
    const titles = [t('col_time'), t('col_said'), t('col_pause'), t('col_p'), t('col_wait'), ...all.map((rival) => rival.name(t))];
    replace(head, titles.map((title) => el('th', { scope: 'col' }, title)));
    const moments = dialogue.moments.filter(({ isPause, isEnd }) => isPause || isEnd);
    replace(body, moments.map((moment) => el('tr', {},
      el('td', {}, clock(moment.startS)),
      el('td', { class: 'replay-said' }, tail(moment.text)),
      el('td', {}, moment.isEnd ? t('end') : t.seconds(moment.pauseS)),
      el('td', {}, t.number(moment.p, 2)),
      el('td', {}, t.seconds(outcome(policy, moment).delayS)),
      all.map((rival) => verdictCell(outcome(rival.policy, moment), t)))));
  }
  return { node, draw, refresh };
}

function verdictCell(found, t) {
  return el('td', { class: found.cut ? 'replay-was-cut' : null }, verdictText(found, t));
}

/** The last words are what a pause is about. */
function tail(text) {
  return text.length > 48 ? `…${text.slice(-46)}` : text;
}
