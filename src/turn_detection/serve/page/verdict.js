// What the model thinks now: the ring with the silence that is left, probability and threshold, and who is speaking.

import { el, reducedMotion, replace } from './dom.js';
import { translator } from './i18n.js';
import { createRing } from './ring.js';

const dictionary = {
  ru: {
    idle: 'Ждём слов абонента',
    speaking: 'Абонент говорит',
    silent: 'Тишина: бот ждёт',
    preview: 'Печатайте дальше — оценка изменится',
    bot: 'Бот говорит',
    bot_after: 'Бот вступил через {seconds} тишины',
    suggested: 'пауза до ответа',
    left: 'осталось молчать',
    threshold_mark: 'порог {value}',
    verdict: 'Решение',
  },
  en: {
    idle: 'Waiting for the caller’s words',
    speaking: 'The caller is speaking',
    silent: 'Silence: the bot waits',
    preview: 'Go on typing: the estimate moves',
    bot: 'The bot speaks',
    bot_after: 'The bot came in after {seconds} of silence',
    suggested: 'silence before the answer',
    left: 'of silence left',
    threshold_mark: 'threshold {value}',
    verdict: 'Verdict',
  },
};
/** With less motion wanted the ring moves in steps of so many seconds. */
const STEP_S = 0.25;

export function createVerdict({ onLanguage }) {
  const t = translator(dictionary);
  const ring = createRing();
  let state = { mode: 'idle', prediction: null, sinceMs: 0, reply: '', silenceS: 0 };
  let settings = { threshold: 0.5, policy: { max_delay_s: 2.5 } };
  let frame = 0;

  const figure = el('span', { class: 'ring-figure number' });
  const caption = el('span', { class: 'ring-caption' });
  const status = el('p', { class: 'verdict-state', role: 'status' });
  const badge = el('span', { class: 'badge' });
  const percent = el('span', { class: 'number verdict-percent' });
  const fill = el('span', { class: 'gauge-fill' });
  const mark = el('span', { class: 'gauge-mark' });
  const markText = el('span', { class: 'gauge-mark-text' });
  const label = el('span', { class: 'note' });
  const bubble = el('p', { class: 'bubble bot', lang: 'ru' });
  const node = el(
    'div',
    { class: 'verdict' },
    el('div', { class: 'ring-box' }, ring.node, el('div', { class: 'ring-text' }, figure, caption)),
    status,
    bubble,
    el('div', { class: 'verdict-line' }, label, percent, badge),
    el('div', { class: 'gauge' }, fill, mark),
    el('div', { class: 'gauge-scale', 'aria-hidden': 'true' }, markText),
  );

  const waitS = () => state.prediction?.delay_s ?? settings.policy.max_delay_s;
  const tone = () => (state.prediction === null ? 'idle' : state.prediction.label);

  function drawRing() {
    cancelAnimationFrame(frame);
    const of = settings.policy.max_delay_s;
    if (state.mode === 'silent') {
      let left = Math.max(waitS() - (performance.now() - state.sinceMs) / 1000, 0);
      if (reducedMotion()) left = Math.ceil(left / STEP_S) * STEP_S;
      ring.show(left, of, tone());
      replace(figure, t.seconds(left, 1));
      frame = requestAnimationFrame(drawRing);
    } else if (state.mode === 'bot') {
      ring.show(of, of, 'bot');
      replace(figure, '');
    } else {
      ring.show(state.prediction === null ? 0 : waitS(), of, tone());
      replace(figure, state.prediction === null ? '—' : t.seconds(waitS()));
    }
  }

  function draw() {
    const { mode, prediction } = state;
    node.dataset.mode = mode;
    node.dataset.p = prediction === null ? '' : String(prediction.p);
    const told = mode === 'bot' ? 'bot_after' : mode === 'idle' && prediction !== null ? 'preview' : mode;
    const announced = t(told, { seconds: t.seconds(state.silenceS) });
    // Readers of screens hear a text again that is put in again.
    if (status.textContent !== announced) replace(status, announced);
    replace(caption, mode === 'silent' ? t('left') : mode === 'bot' ? t('bot') : prediction === null ? '' : t('suggested'));
    bubble.hidden = mode !== 'bot';
    replace(bubble, mode === 'bot' ? state.reply : '');
    const known = prediction !== null;
    const verdict = known ? prediction.label : '';
    badge.className = `badge ${verdict}`;
    replace(badge, known ? t(verdict) : '—');
    replace(label, t('probability'));
    replace(percent, known ? t.percent(prediction.p) : '—');
    fill.className = `gauge-fill ${verdict}`;
    fill.style.width = `${100 * (known ? prediction.p : 0)}%`;
    mark.style.left = markText.style.left = `${100 * settings.threshold}%`;
    replace(markText, t('threshold_mark', { value: t.percent(settings.threshold) }));
    drawRing();
  }

  function set(next) {
    state = { ...state, ...next };
    draw();
  }

  onLanguage(draw);
  draw();
  return {
    node,
    get mode() {
      return state.mode;
    },
    /** Threshold and policy that hold for the call. */
    use(next) {
      settings = { ...settings, ...next };
      draw();
    },
    /** {p, label, delay_s}, or null: nothing is known yet. */
    predicted: (prediction) => set({ prediction }),
    idle: () => set({ mode: 'idle' }),
    speaking: () => set({ mode: 'speaking' }),
    silent: (sinceMs = performance.now()) => set({ mode: 'silent', sinceMs }),
    bot: (reply, silenceS) => set({ mode: 'bot', reply, silenceS }),
  };
}
