// The caller's words, each with the probability after it, and the silences that he was given.

import { el, replace } from './dom.js';
import { translator } from './i18n.js';

const dictionary = {
  ru: {
    title: 'Вероятность после каждого слова',
    empty: 'Здесь появится вероятность после каждого слова.',
    pause: 'пауза {seconds}',
    timer: 'Пауз длиннее {seconds} внутри реплики: {n}. Бот с простым таймером тишины перебил бы уже на первой.',
  },
  en: {
    title: 'Probability after every word',
    empty: 'The probability after every word appears here.',
    pause: 'pause {seconds}',
    timer: 'Pauses over {seconds} within the turn: {n}. A bot with a plain silence timer would have cut in at the first.',
  },
};

/** Silence timers of usual voice bots are about so long. */
const TIMER_S = 0.7;

export const wordsOf = (text) => text.split(/\s+/).filter(Boolean);

export function createTrail({ onLanguage }) {
  const t = translator(dictionary);
  let words = []; // [{word, p, label, pauseS}]
  const title = el('h2', { class: 'minor' });
  const list = el('ol', { class: 'trail' });
  const empty = el('p', { class: 'note' });
  const timer = el('p', { class: 'note' });
  const node = el('section', { class: 'card stack trail-card' }, title, empty, list, timer);

  function item({ word, p, label, pauseS }) {
    const bar = el('span', { class: `trail-fill ${label ?? ''}` });
    bar.style.height = `${100 * (p ?? 0)}%`;
    return [
      el(
        'li',
        { class: 'trail-word' },
        el('span', { class: 'trail-bar', 'aria-hidden': 'true' }, bar),
        el('span', { class: 'trail-text', lang: 'ru' }, word),
        el('span', { class: 'trail-p' }, p === null ? '…' : t.percent(p)),
      ),
      pauseS > 0 && el('li', { class: 'trail-pause' }, t('pause', { seconds: t.seconds(pauseS, 1) })),
    ];
  }

  function draw() {
    replace(title, t('title'));
    replace(empty, t('empty'));
    empty.hidden = words.length > 0;
    list.hidden = words.length === 0;
    replace(list, words.flatMap(item));
    const n = words.slice(0, -1).filter(({ pauseS }) => pauseS > TIMER_S).length;
    timer.hidden = n === 0;
    replace(timer, t('timer', { n, seconds: t.seconds(TIMER_S, 1) }));
  }

  onLanguage(draw);
  draw();
  return {
    node,
    /** The words so far; what was known of the words that they begin with stays. */
    words(text) {
      const next = wordsOf(text);
      let same = 0;
      while (same < next.length && words[same]?.word === next[same]) same += 1;
      words = [...words.slice(0, same), ...next.slice(same).map((word) => ({ word, p: null, label: null, pauseS: 0 }))];
      draw();
    },
    /** A judgement of text, which may be older than the words. */
    predicted(text, { p, label }) {
      const judged = wordsOf(text);
      const last = judged.length - 1;
      if (last < 0 || judged.some((word, place) => words[place]?.word !== word)) return;
      words[last] = { ...words[last], p, label };
      draw();
    },
    /** The words so far that nobody has judged, as beginnings of the text. */
    unjudged() {
      const beginnings = words.map((_, place) => words.slice(0, place + 1).map(({ word }) => word));
      return beginnings.filter((_, place) => words[place].p === null).map((beginning) => beginning.join(' '));
    },
    /** A silence after the last word, over or still going on. */
    paused(seconds) {
      if (words.length === 0) return;
      words[words.length - 1] = { ...words.at(-1), pauseS: seconds };
      draw();
    },
    clear() {
      words = [];
      draw();
    },
  };
}
