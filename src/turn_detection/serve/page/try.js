// Try: type what the caller says and watch the decision; or let an example play.

import { createCaller } from './call.js';
import { el, replace } from './dom.js';
import { PRESETS, textOf } from './presets.js';

export const dictionary = {
  ru: {
    intro: 'Бот должен понять: абонент закончил или только задумался? Печатайте за абонента — оценка меняется с каждым словом.',
    line: 'Реплика бота',
    words: 'Слова абонента',
    words_hint: 'Пока вы печатаете, абонент говорит. Через 0,6 с без нажатий наступает тишина, Enter — сразу.',
    examples: 'Примеры',
    play_it: 'Проиграть по словам',
    insert: 'Вставить сразу',
    clear: 'Очистить',
    reply: 'Слушаю дальше. (Здесь отвечает ваш бот.)',
    cut_in: 'Бот перебил абонента на полуслове.',
    fault_overloaded: 'Сервер занят: эта фраза не оценена, решает тишина.',
    fault_too_long: 'Слишком длинный текст: сервер его не принял.',
    fault_other: 'Сервер не смог оценить эту фразу, решает тишина.',
  },
  en: {
    intro: 'Has the caller finished, or only paused to think? Type the caller’s words (in Russian): the estimate moves with every word.',
    line: 'The bot’s line',
    words: 'The caller’s words',
    words_hint: 'While you type, the caller speaks. 0.6 s without a key is silence; Enter is silence at once.',
    examples: 'Examples',
    play_it: 'Play word by word',
    insert: 'Put in at once',
    clear: 'Clear',
    reply: 'Слушаю дальше. (Your bot answers here.)',
    cut_in: 'The bot cut in while the caller was not done.',
    fault_overloaded: 'The server is busy: these words were not judged, the silence decides.',
    fault_too_long: 'The text is too long: the server did not take it.',
    fault_other: 'The server could not judge these words, the silence decides.',
  },
};

/** Milliseconds without a key that count as silence, or as the end of the bot's line; and the pace of a speaker. */
const QUIET_MS = 600;
const ASK_AFTER_MS = 150;
const WORD_MS = 140;
const LETTER_MS = 45;
const FAULTS = { overloaded: 'fault_overloaded', deadline: 'fault_overloaded', too_long: 'fault_too_long' };

export function mount(root, { api, t, onLanguage }) {
  let preset = PRESETS[0];
  let quiet = 0;
  let asked = 0;
  let playing = null; // the AbortController of the example that plays
  let cutIn = false;

  const line = el('input', { class: 'control', id: 'try-line', type: 'text', lang: 'ru', autocomplete: 'off', maxlength: 1000 });
  const words = el('textarea', {
    class: 'control words',
    id: 'try-words',
    lang: 'ru',
    rows: 4,
    autocomplete: 'off',
    spellcheck: 'false',
    maxlength: 2000,
    'aria-describedby': 'try-hint',
  });
  const hint = el('p', { class: 'note', id: 'try-hint' });
  const intro = el('p', { class: 'intro' });
  const lineLabel = el('label', { for: 'try-line' });
  const wordsLabel = el('label', { for: 'try-words' });
  const chips = el('div', { class: 'row chips', role: 'group' });
  const play = el('button', { class: 'button primary', type: 'button', onclick: togglePlay });
  const insert = el('button', { class: 'button', type: 'button', onclick: insertAll });
  const clear = el('button', { class: 'button quiet', type: 'button', onclick: clearAll });
  const message = el('p', { class: 'message danger', role: 'alert', hidden: true });

  const caller = createCaller({
    api,
    onLanguage,
    replyOf: () => (line.value === preset.line && words.value === textOf(preset) ? preset.reply : t('reply')),
    onEnd() {
      cutIn = playing !== null && words.value !== textOf(preset);
      stopPlaying();
      say(cutIn ? 'cut_in' : null);
    },
    onFault: (code) => say(code === null ? (cutIn ? 'cut_in' : null) : (FAULTS[code] ?? 'fault_other')),
  });

  root.append(
    intro,
    el(
      'div',
      { class: 'split try-split' },
      el(
        'section',
        { class: 'card stack' },
        chips,
        el('div', { class: 'field' }, lineLabel, line),
        el('div', { class: 'field' }, wordsLabel, words, hint),
        el('div', { class: 'row' }, play, insert, clear),
        message,
      ),
      el('section', { class: 'card verdict-card' }, caller.verdict.node),
    ),
    caller.trail.node,
  );

  function say(key) {
    message.hidden = key === null;
    message.dataset.key = key ?? '';
    replace(message, key === null ? '' : t(key));
  }

  function spoken() {
    cutIn = false;
    say(null);
    caller.speak(words.value);
    clearTimeout(quiet);
    if (words.value.trim()) quiet = setTimeout(() => caller.fallSilent(), QUIET_MS);
  }

  function silentNow() {
    clearTimeout(quiet);
    caller.fallSilent();
  }

  function put(text) {
    words.value = text;
    words.scrollTop = words.scrollHeight;
  }

  function choose(next) {
    stopPlaying();
    clearTimeout(quiet);
    clearTimeout(asked);
    preset = next;
    cutIn = false;
    say(null);
    line.value = next.line;
    put('');
    caller.show(next.line, '');
    drawChips();
  }

  function clearAll() {
    stopPlaying();
    put('');
    spoken();
    words.focus();
  }

  function insertAll() {
    choose(preset);
    put(textOf(preset));
    spoken();
    silentNow();
  }

  function togglePlay() {
    if (playing !== null) {
      stopPlaying();
      silentNow();
    } else playPreset();
  }

  function stopPlaying() {
    playing?.abort();
    playing = null;
    drawPlay();
  }

  async function playPreset() {
    choose(preset);
    const mine = (playing = new AbortController());
    drawPlay();
    const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    const spokenWords = [];
    for (const [phrase, pauseS] of preset.phrases) {
      for (const word of phrase.split(' ')) {
        await pause(spokenWords.length ? WORD_MS + LETTER_MS * word.length : 300);
        if (mine.signal.aborted) return;
        spokenWords.push(word);
        put(spokenWords.join(' '));
        caller.resume();
        caller.speak(words.value);
      }
      // A word takes its time to be said, and only then is there silence.
      await pause(2 * WORD_MS);
      if (mine.signal.aborted) return;
      caller.fallSilent();
      await pause(1000 * pauseS);
      if (mine.signal.aborted) return;
      if (pauseS > 0) caller.resume();
    }
    if (playing === mine) stopPlaying();
  }

  // Whoever goes into the words takes over from the example.
  words.addEventListener('focus', () => {
    if (playing === null) return;
    stopPlaying();
    quiet = setTimeout(() => caller.fallSilent(), QUIET_MS);
  });
  words.addEventListener('input', () => {
    stopPlaying();
    spoken();
  });
  words.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    silentNow();
  });
  line.addEventListener('input', () => {
    stopPlaying();
    clearTimeout(asked);
    asked = setTimeout(() => caller.ask(line.value), ASK_AFTER_MS);
    clearTimeout(quiet);
    if (words.value.trim()) quiet = setTimeout(() => caller.fallSilent(), 2 * QUIET_MS);
    drawChips();
  });

  function drawPlay() {
    const going = playing !== null;
    replace(play, el('span', { class: going ? 'icon-stop' : 'icon-play', 'aria-hidden': 'true' }), t(going ? 'stop' : 'play_it'));
  }

  function drawChips() {
    chips.setAttribute('aria-label', t('examples'));
    const pressed = (entry) => String(entry === preset && line.value === entry.line);
    if (chips.childElementCount === 0) {
      replace(
        chips,
        PRESETS.map((entry) => el('button', { class: 'chip', type: 'button', 'data-preset': entry.id, onclick: () => choose(entry) })),
      );
    }
    PRESETS.forEach((entry, place) => {
      replace(chips.children[place], entry.name[t.lang]);
      chips.children[place].setAttribute('aria-pressed', pressed(entry));
    });
  }

  function draw() {
    replace(intro, t('intro'));
    replace(lineLabel, t('line'));
    replace(wordsLabel, t('words'));
    replace(hint, t('words_hint'));
    replace(insert, t('insert'));
    replace(clear, t('clear'));
    if (message.dataset.key) say(message.dataset.key);
    drawChips();
    drawPlay();
  }

  // Something to look at before the first key: the beginning of a number.
  line.value = preset.line;
  put(preset.phrases[0][0]);
  onLanguage(draw);
  draw();
  caller.show(preset.line, words.value);
  return {
    hide() {
      stopPlaying();
      silentNow();
    },
  };
}
