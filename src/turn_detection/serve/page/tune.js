/** The tab that tries settings: what they do to the loaded dialogues, where that lies on the curve, and the lines to take away. */

import { curvePlot, cutoffsAt } from './curve_plot.js';
import { el, replace } from './dom.js';
import { phrases } from './phrases.js';
import { totalsTable } from './replay_tables.js';
import { session } from './session.js';
import { TIMERS_S, paretoLine, thresholdSweep, timerPolicies, timerPolicy, totals } from './simulate.js';
import { timelineView } from './timeline_view.js';
import { copyCard } from './tune_copy.js';
import { policyControls } from './tune_controls.js';
import { words } from './tune_words.js';

export const dictionary = words;
/** With fewer, one caller decides. */
const ENOUGH_PAUSES = 100;
const SHIPPED_TIMER = 'silence timer';
/** Lines of the measured curve that a mode is compared with, the first that is there. */
const SHIPPED_LINES = { continuous: ['continuous, fitted'], binary: ['binary, fitted', 'binary'] };

export function mount(root, { api, t, onLanguage }) {
  const { say, refresh: refreshTexts } = phrases(t);
  let curve = null;
  let frame = null;

  const controls = policyControls({ t, onChange: (policy) => session.setPolicy(policy) });
  const plot = curvePlot();
  const facts = el('ul', { class: 'tune-facts', 'aria-live': 'polite' });
  const sums = totalsTable({ t, caption: 'totals_title' });
  const view = timelineView({ t, zoom: 0 });
  const copying = copyCard({ t });
  const which = el('p', { class: 'note' });
  const problem = el('p', { class: 'message danger', role: 'alert', hidden: true });
  const waiting = el('p', { class: 'note', role: 'status' }, say('waiting'));
  const main = el('div', { class: 'stack', hidden: true },
    el('div', { class: 'split' },
      el('section', { class: 'card stack' }, el('h2', {}, say('settings_title')), controls.node,
        el('div', {}, el('button', { class: 'button', type: 'button', onclick: reset }, say('as_server')))),
      el('section', { class: 'card stack' }, el('h2', {}, say('curve_title')), plot.node, facts)),
    el('section', { class: 'card stack' }, el('h2', {}, say('totals_title')), sums.node, which, view.node),
    copying.node);
  root.append(el('div', { class: 'stack tune' }, el('p', {}, say('intro')), problem, waiting, main));

  function reset() {
    session.setPolicy(session.serverPolicy);
  }

  function drawCurve() {
    const { policy, moments } = session;
    const own = totals(policy, moments);
    const lines = [];
    const points = [];
    const timers = paretoLine(timerPolicies(), moments);
    if (timers.length) {
      lines.push({ name: t('line_timer'), rows: timers, style: 'plot-own-timer' },
        { name: t('line_sweep'), rows: paretoLine(thresholdSweep(policy), moments), style: 'plot-own' });
    }
    const { line, timer } = shipped(curve, policy.mode);
    if (line) lines.push({ name: t('line_shipped'), rows: line, style: 'plot-shipped' });
    if (timer) lines.push({ name: t('line_shipped_timer'), rows: timer, style: 'plot-shipped-timer' });
    const matching = line && own.meanDelayS !== null ? cutoffsAt(line, own.meanDelayS) : null;
    if (matching !== null) points.push({ name: t('point_matching'), at: [own.meanDelayS, matching], style: 'plot-matching' });
    if (own.perPause !== null && own.meanDelayS !== null) {
      for (const seconds of TIMERS_S) {
        const { meanDelayS, perPause } = totals(timerPolicy(seconds), moments);
        const name = seconds === TIMERS_S[0] ? t('point_timers') : null; // one line of the legend for all
        points.push({ name, at: [meanDelayS, perPause], style: 'plot-timer', label: t.number(seconds, 1) });
      }
      points.push({ name: t('point_own'), at: [own.meanDelayS, own.perPause], style: 'plot-point' });
    }
    plot.draw({ lines, points }, t);
    replace(facts, factsOf(own, cutoffsAt(timers, own.meanDelayS ?? -1), { line, timer, matching }).map((text) => el('li', {}, text)));
  }

  function factsOf(own, sameTimer, { line, timer, matching }) {
    if (own.nPauses === 0) return [t('no_pauses', { wait: own.meanDelayS === null ? '–' : t.seconds(own.meanDelayS) })];
    const told = [t('fact_own', { share: t.percent(own.perPause), n: own.nCut, total: own.nPauses, wait: t.seconds(own.meanDelayS) })];
    if (sameTimer !== null) told.push(t('fact_timer', { share: t.percent(sameTimer) }));
    if (!line) told.push(t('fact_no_curve'));
    else if (matching === null) told.push(t('fact_off_curve'));
    else {
      const timed = timer ? cutoffsAt(timer, own.meanDelayS) : null;
      told.push(t('fact_shipped', { share: t.percent(matching), timer: timed === null ? '–' : t.percent(timed) }));
    }
    if (own.nPauses < ENOUGH_PAUSES) told.push(t('fact_few', { total: own.nPauses }));
    return told;
  }

  function changed() {
    if (session.dialogue === null) return;
    waiting.hidden = true;
    main.hidden = false;
    problem.hidden = true;
    controls.show(session.policy);
    // A slider moves faster than pictures are drawn: one drawing for each frame.
    frame ??= requestAnimationFrame(draw);
  }

  function draw() {
    frame = null;
    const { policy, dialogue, moments } = session;
    drawCurve();
    sums.draw(policy, moments);
    const count = session.sets[session.shown.set].length;
    which.textContent = t('dialogue', { name: dialogue.title?.[t.lang] ?? t('dialogue_own', { n: session.shown.index + 1 }), count });
    view.draw(dialogue, policy);
    copying.show(policy);
  }

  async function begin() {
    try {
      await session.ready(api);
      ({ curve } = await api.settings());
      changed();
    } catch (error) {
      waiting.hidden = true;
      problem.hidden = false;
      problem.textContent = t('begin_fault', { message: error.message });
    }
  }

  session.subscribe(changed);
  api.onStatus((status) => { if (status === 'online' && session.dialogue === null) begin(); });
  onLanguage(() => {
    for (const part of [{ refresh: refreshTexts }, controls, sums, view, copying]) part.refresh();
    changed();
  });
  begin();
  return { show: changed };
}

/** Lines of the measured curve as `[[delay_s, cut-offs per pause]]`; undefined where there is none. */
function shipped(curve, mode) {
  const rowsOf = (name) => curve?.lines[name]?.line.map(([delay, cutoffs]) => [delay, cutoffs]);
  return { timer: rowsOf(SHIPPED_TIMER), line: rowsOf(SHIPPED_LINES[mode].find((name) => curve?.lines[name])) };
}
