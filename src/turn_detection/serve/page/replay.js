/** The tab that plays a dialogue: where the detector would have spoken, and where a silence timer would. */

import { el } from './dom.js';
import { jsonOf, pngOf, saveAs } from './export.js';
import { phrases } from './phrases.js';
import { player } from './replay_player.js';
import { sourceCard } from './replay_source.js';
import { pausesTable, totalsTable } from './replay_tables.js';
import { words } from './replay_words.js';
import { session } from './session.js';
import { clock } from './timeline.js';
import { timelineView } from './timeline_view.js';

export const dictionary = words;

export function mount(root, { api, t, onLanguage }) {
  const { say, refresh: refreshTexts } = phrases(t);
  const source = sourceCard({ api, t });
  const view = timelineView({ t });
  const sums = totalsTable({ t, caption: 'totals_title' });
  const pauses = pausesTable({ t });
  const playing = player({ t, onTime: showTime });
  const scope = el('p', { class: 'note' });
  const settings = el('p', { class: 'note replay-settings' });
  const problem = el('p', { class: 'message danger', role: 'alert', hidden: true });
  const waiting = el('p', { class: 'note', role: 'status' }, say('waiting'));
  const exported = el('p', { class: 'note', role: 'status' });
  const main = el('div', { class: 'stack', hidden: true },
    el('section', { class: 'card stack' }, playing.node, view.node),
    el('section', { class: 'card stack' },
      el('h2', {}, say('totals_title')), scope, sums.node, el('p', { class: 'note' }, say('totals_note')), settings,
      el('div', { class: 'row' },
        el('button', { class: 'button', type: 'button', onclick: savePng }, say('save_png')),
        el('button', { class: 'button', type: 'button', onclick: saveJson }, say('save_json')), exported)),
    pauses.node);
  root.append(el('div', { class: 'stack replay' }, el('p', {}, say('intro')), source.node, problem, waiting, main));

  function decided() {
    return session.dialogue.moments.filter(({ isPause, isEnd }) => isPause || isEnd);
  }

  function showTime(nowS) {
    view.setNow(nowS);
    sums.draw(session.policy, decided(), nowS);
    scope.textContent = nowS === null ? t('scope_all') : t('scope_until', { time: clock(nowS) });
  }

  function showPolicy() {
    const { policy } = session;
    settings.textContent = t(policy.mode === 'binary' ? 'settings_binary' : 'settings_continuous', {
      low: t.seconds(policy.min_delay_s), high: t.seconds(policy.max_delay_s),
      threshold: t.number(policy.threshold, 2), gamma: t.number(policy.gamma, 2),
    });
    view.draw(session.dialogue, policy);
    pauses.draw(policy, session.dialogue);
  }

  function changed(what) {
    if (session.dialogue === null) return;
    waiting.hidden = true;
    main.hidden = false;
    problem.hidden = true;
    exported.textContent = '';
    source.refresh();
    showPolicy();
    if (what === 'policy') playing.setPolicy(session.policy);
    else playing.open(session.dialogue, session.policy);
  }

  async function begin() {
    try {
      await session.ready(api);
      changed('dialogues');
    } catch (error) {
      waiting.hidden = true;
      problem.hidden = false;
      problem.textContent = t('begin_fault', { message: error.message });
    }
  }

  function fileName(ending) {
    return `turn-detection-replay.${ending}`;
  }

  async function savePng() {
    playing.pause();
    try {
      saveAs(await pngOf(session.dialogue, session.policy, t), fileName('png'));
      exported.textContent = t('saved', { name: fileName('png') });
    } catch {
      exported.textContent = t('png_fault');
    }
  }

  function saveJson() {
    saveAs(new Blob([jsonOf(session.dialogue, session.policy)], { type: 'application/json' }), fileName('json'));
    exported.textContent = t('saved', { name: fileName('json') });
  }

  session.subscribe(changed);
  api.onStatus((status) => { if (status === 'online' && session.dialogue === null) begin(); });
  onLanguage(() => {
    for (const part of [{ refresh: refreshTexts }, source, view, sums, pauses]) part.refresh();
    exported.textContent = '';
    if (session.dialogue === null) return;
    showPolicy();
    playing.refresh();
  });
  source.refresh();
  begin();
  return { hide: () => playing.pause() };
}
