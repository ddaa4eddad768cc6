/** Plays a dialogue: the clock, its controls, and what can be known at the moment that is shown. */

import { el, reducedMotion, replace } from './dom.js';
import { phrases } from './phrases.js';
import { stateAt, stepTimes } from './simulate.js';
import { clock, durationOf } from './timeline.js';

const SPEEDS = [1, 2, 5, 10];
/** Frames of somebody who asked for less motion. */
const CALM_FRAME_MS = 200;
/** A window that slept must not jump to the end. */
const LONGEST_FRAME_MS = 500;

/**
 * @param options `{t, onTime(seconds | null)}`; null: the whole dialogue is shown
 * @returns `{node, open(dialogue, policy), setPolicy(policy), pause(), refresh()}`
 */
export function player({ t, onTime }) {
  const { say, name, refresh: refreshTexts } = phrases(t);
  let dialogue = null;
  let policy = null;
  let durationS = 0;
  let nowS = null;
  let speed = 1;
  let frame = null;
  let frameAt = 0;

  const play = el('button', { class: 'button primary replay-play', type: 'button', onclick: () => (frame === null ? start() : pause()) });
  const speeds = SPEEDS.map((times) => el('button', {
    class: 'button', type: 'button', 'aria-pressed': String(times === speed), onclick: () => setSpeed(times),
  }, `${times}×`));
  const seek = name(el('input', { type: 'range', class: 'slider grow', min: 0, step: 0.05, oninput: () => jump(Number(seek.value)) }),
    'aria-label', 'position');
  const time = el('output', { class: 'replay-time' });
  const ended = el('p', { class: 'visually-hidden', role: 'status' });
  const live = el('div', { class: 'replay-live' });
  const node = el('div', { class: 'stack' },
    el('div', { class: 'row' }, play,
      el('button', { class: 'button', type: 'button', onclick: step }, say('step')),
      el('button', { class: 'button', type: 'button', onclick: () => jump(0) }, say('to_start')),
      el('button', { class: 'button', type: 'button', onclick: () => jump(null) }, say('show_all')),
      name(el('div', { class: 'row', role: 'group' }, speeds), 'aria-label', 'speed')),
    el('div', { class: 'row replay-seek' }, seek, time), live, ended);

  function setSpeed(times) {
    speed = times;
    for (const [index, button] of speeds.entries()) button.setAttribute('aria-pressed', String(SPEEDS[index] === speed));
  }

  function start() {
    if (nowS === null || nowS >= durationS) nowS = 0;
    ended.textContent = '';
    frameAt = performance.now();
    frame = requestAnimationFrame(advance);
    show(nowS);
  }

  function advance(atMs) {
    const passedMs = atMs - frameAt;
    if (!reducedMotion() || passedMs >= CALM_FRAME_MS) {
      frameAt = atMs;
      nowS += (Math.min(Math.max(passedMs, 0), LONGEST_FRAME_MS) / 1000) * speed;
      if (nowS >= durationS) return finish();
      show(nowS);
    }
    frame = requestAnimationFrame(advance);
  }

  function finish() {
    pause();
    show(null);
    ended.textContent = t('ended');
  }

  function pause() {
    if (frame !== null) cancelAnimationFrame(frame);
    frame = null;
    showButton();
  }

  function jump(seconds) {
    pause();
    show(seconds);
  }

  function step() {
    const from = nowS ?? 0;
    jump(stepTimes(policy, dialogue.turns, dialogue.moments).find((seconds) => seconds > from + 1e-6) ?? null);
  }

  function showButton() {
    play.textContent = t(frame === null ? 'play' : 'pause');
  }

  function show(seconds) {
    nowS = seconds;
    showButton();
    const at = nowS ?? durationS;
    seek.value = at;
    time.textContent = `${clock(at)} / ${clock(durationS)}`;
    seek.setAttribute('aria-valuetext', time.textContent);
    showLive();
    onTime(nowS);
  }

  function showLive() {
    live.hidden = nowS === null;
    if (nowS === null) return;
    const { speaker, moment, silenceS, delayS: wait, verdict } = stateAt(policy, dialogue.turns, dialogue.moments, nowS);
    const bot = dialogue.turns.findLast((turn) => turn.role === 'agent' && turn.words[0].startS <= nowS);
    const line = (role, text) => el('p', { class: 'replay-line' }, el('b', {}, `${t(role)}: `), text);
    replace(live,
      el('div', { class: 'grow' }, bot ? line('bot', spoken(bot.words, nowS)) : null, moment ? line('caller', moment.text) : null),
      el('div', { class: 'replay-now' }, moment === null
        ? el('p', { class: 'note' }, t(speaker === 'agent' ? 'bot_speaks' : 'nobody_yet'))
        : [
          el('span', { class: 'number' }, t.number(moment.p, 2)),
          el('span', { class: `badge ${moment.p >= policy.threshold ? 'speak' : 'wait'}` },
            t(moment.p >= policy.threshold ? 'speak' : 'wait')),
          meter(silenceS, wait),
          el('p', { class: 'note' }, silenceS === null ? t(speaker === 'client' ? 'caller_speaks' : 'bot_speaks')
            : t(verdict === 'spoke' ? 'now_spoke' : 'now_waiting', { silence: t.seconds(silenceS, 1), wait: t.seconds(wait) })),
        ]));
  }

  function meter(silenceS, wait) {
    const bar = el('span', { class: 'replay-share replay-silence', 'aria-hidden': 'true' }, el('span'));
    bar.firstChild.style.width = `${silenceS === null ? 0 : Math.min(100, (100 * silenceS) / wait)}%`;
    return bar;
  }

  return {
    node, pause,
    open(nextDialogue, nextPolicy) {
      pause();
      ended.textContent = '';
      dialogue = nextDialogue;
      nowS = null;
      this.setPolicy(nextPolicy);
    },
    setPolicy(next) {
      policy = next;
      durationS = durationOf(dialogue, policy);
      seek.max = durationS;
      show(nowS);
    },
    refresh() {
      refreshTexts();
      ended.textContent = '';
      if (dialogue) show(nowS);
    },
  };
}

function spoken(words, nowS) {
  return words.filter((word) => word.startS <= nowS).map((word) => word.text).join(' ');
}
