// Speak: the browser's own recogniser listens, its words go into the same stream.

import { el, replace } from './dom.js';
import { createTrail } from './trail.js';
import { createVerdict } from './verdict.js';

export const dictionary = {
  ru: {
    intro: 'Говорите по-русски: слова показывает распознаватель вашего браузера, решение принимает этот сервер.',
    privacy: 'Страница ничего не записывает и отправляет только текст и только на этот сервер. Сам распознаватель браузера может передавать звук своему поставщику (в Chrome — Google); это решает браузер.',
    line: 'Реплика бота',
    start: 'Включить микрофон',
    stop_mic: 'Выключить микрофон',
    reply: 'Слушаю дальше. (Здесь отвечает ваш бот.)',
    live: 'Слышно сейчас',
    nothing: 'Пока тихо.',
    turns: 'Реплики абонента',
    turn: 'бот вступил через {seconds}',
    no_turns: 'Законченные реплики появятся здесь.',
    lag: 'Распознаватель браузера печатает слова рывками, поэтому здесь бот молчит не меньше {seconds}.',
    unsupported: 'В этом браузере нет распознавания речи (SpeechRecognition). Оно есть в Chrome, Edge и Safari; вкладка «Попробовать» работает везде.',
    insecure: 'Браузер даёт микрофон только страницам по HTTPS или с localhost. Откройте страницу так или поставьте перед сервером TLS.',
    denied: 'Доступ к микрофону запрещён. Разрешите его в настройках страницы и включите микрофон снова.',
    no_microphone: 'Микрофон не найден.',
    no_network: 'Распознаватель браузера недоступен: ему нужна сеть.',
    no_language: 'Распознаватель браузера не знает русского языка.',
    failed: 'Распознаватель браузера остановился ({code}).',
    waiting_server: 'Сервер не отвечает: слова сейчас не оцениваются.',
  },
  en: {
    intro: 'Speak Russian: your browser’s recogniser prints the words, this server decides.',
    privacy: 'The page records nothing, and sends text only, to this server only. The browser’s own recogniser may send audio to its vendor (Google, in Chrome); that is the browser’s doing.',
    line: 'The bot’s line',
    start: 'Switch the microphone on',
    stop_mic: 'Switch the microphone off',
    reply: 'Слушаю дальше. (Your bot answers here.)',
    live: 'Heard now',
    nothing: 'Quiet so far.',
    turns: 'The caller’s turns',
    turn: 'the bot came in after {seconds}',
    no_turns: 'Finished turns appear here.',
    lag: 'The browser’s recogniser prints words in bursts, so the bot waits at least {seconds} here.',
    unsupported: 'This browser has no speech recognition (SpeechRecognition). Chrome, Edge and Safari have; the tab “Try” works everywhere.',
    insecure: 'Browsers give the microphone only to pages over HTTPS or from localhost. Open the page that way, or put TLS in front of the server.',
    denied: 'The microphone is not allowed. Allow it in the page’s settings and switch it on again.',
    no_microphone: 'There is no microphone.',
    no_network: 'The browser’s recogniser is not available: it needs the network.',
    no_language: 'The browser’s recogniser knows no Russian.',
    failed: 'The browser’s recogniser has stopped ({code}).',
    waiting_server: 'The server does not answer: words are not judged now.',
  },
};

const LINE = 'Здравствуйте! Чем могу помочь?';
/** The recogniser of a browser lags: shorter delays would cut in between two bursts of words. */
const MIN_DELAY_S = 0.8;
/** A browser's final may come so long after the turn was ended on its interim. */
const LATE_S = 3;
const FAULTS = {
  'not-allowed': 'denied',
  'service-not-allowed': 'denied',
  'audio-capture': 'no_microphone',
  network: 'no_network',
  'language-not-supported': 'no_language',
};
/** What a browser reports when nobody speaks or when it was told to stop. */
const HARMLESS = new Set(['no-speech', 'aborted']);

export function mount(root, { api, t, onLanguage }) {
  const Recognition = window.SpeechRecognition || window.webkitSpeechRecognition;
  const reason = !Recognition ? 'unsupported' : !window.isSecureContext ? 'insecure' : null;
  const verdict = createVerdict({ onLanguage });
  const trail = createTrail({ onLanguage });
  const sent = new Map(); // seq -> text of the segment, for the order of the answers
  const turns = [];
  let call = null;
  let recogniser = null;
  let listening = false;
  let minDelayS = MIN_DELAY_S;
  let seq = 0;
  let finals = []; // segments of this turn that will not change
  let interim = '';
  let heardAtMs = 0; // when the words last changed
  let judged = false; // the server has taken the words for a turn that is open
  let fault = null;

  const intro = el('p', { class: 'intro' });
  const privacy = el('p', { class: 'note' });
  const lag = el('p', { class: 'note' });
  const lineLabel = el('label', { for: 'speak-line' });
  const line = el('input', { class: 'control', id: 'speak-line', type: 'text', lang: 'ru', autocomplete: 'off', maxlength: 1000 });
  const button = el('button', { class: 'button primary mic', type: 'button', 'aria-describedby': 'speak-why', onclick: toggle });
  const why = el('p', { class: 'message', id: 'speak-why', role: 'status' });
  const liveTitle = el('h2', { class: 'minor' });
  const live = el('p', { class: 'live', lang: 'ru' });
  const turnsTitle = el('h2', { class: 'minor' });
  const log = el('ol', { class: 'turns' });
  line.value = LINE;
  button.disabled = reason !== null;

  root.append(
    intro,
    el(
      'div',
      { class: 'split try-split' },
      el(
        'section',
        { class: 'card stack' },
        el('div', { class: 'field' }, lineLabel, line),
        el('div', { class: 'row' }, button),
        why,
        privacy,
        el('div', { class: 'stack tight' }, liveTitle, live),
        el('div', { class: 'stack tight' }, turnsTitle, log),
        lag,
      ),
      el('section', { class: 'card verdict-card' }, verdict.node),
    ),
    trail.node,
  );

  const textNow = () => [...finals, interim].join(' ').trim();

  function connect() {
    call ??= api.stream({
      start: { late_grace_s: LATE_S, policy: { min_delay_s: minDelayS } },
      onEvent: take,
      onState(state) {
        if (state === 'open') beginCall();
        drawWhy();
      },
    });
  }

  function beginCall() {
    sent.clear();
    call.send({ type: 'reset' });
    if (line.value.trim()) call.send({ type: 'agent_turn', text: line.value });
    if (!textNow()) return;
    heardAtMs = performance.now();
    interim = textNow();
    finals = [];
    say('partial', interim);
  }

  function say(type, text) {
    seq += 1;
    sent.set(seq, textNow());
    call.send({ type, text, seq });
  }

  function take(event) {
    const about = sent.get(event.seq);
    sent.delete(event.seq);
    if (event.type === 'started') verdict.use({ threshold: event.threshold, policy: event.policy });
    else if (event.type === 'prediction' && about !== undefined) {
      if (!judged) trail.clear();
      judged = true;
      showWords();
      const prediction = { p: event.eot_probability, label: event.label, delay_s: event.delay_s };
      trail.predicted(about, prediction);
      if (about === textNow()) verdict.predicted(prediction);
    } else if (event.type === 'end_of_turn') ended(event);
    else if (!judged && event.seq === seq && (event.type === 'late_transcript' || event.type === 'skipped')) {
      forget(); // what the recogniser still prints of the turn that is over
      drawLive();
    }
  }

  function ended({ text, silence_s: silenceS }) {
    turns.unshift({ text, silenceS });
    turns.length = Math.min(turns.length, 20);
    verdict.bot(t('reply'), silenceS);
    forget();
    if (line.value.trim()) call.send({ type: 'agent_turn', text: line.value });
    drawTurns();
  }

  function forget() {
    finals = [];
    interim = '';
    judged = false;
  }

  function showWords() {
    trail.words(textNow());
    verdict.silent(heardAtMs); // from the last words on, as the server counts without a speech detector
  }

  /** What the recogniser prints: some segments that are final, one that is not. */
  function heard(event) {
    let latest = '';
    const before = textNow();
    for (let place = event.resultIndex; place < event.results.length; place += 1) {
      const result = event.results[place];
      const text = result[0].transcript.trim();
      if (!result.isFinal) latest = `${latest} ${text}`.trim();
      else if (text) {
        interim = '';
        finals.push(text);
        say('final', text);
      }
    }
    interim = latest;
    if (latest) say('partial', latest);
    if (textNow() === before) return;
    heardAtMs = performance.now();
    if (judged) showWords();
    drawLive();
  }

  function toggle() {
    if (listening) stop();
    else start();
  }

  async function start() {
    fault = null;
    listening = true;
    draw();
    const settings = await api.settings().catch(() => null); // the call itself waits for the server
    if (!listening) return;
    if (settings !== null) {
      const { min_delay_s: min, max_delay_s: max } = settings.policy;
      minDelayS = Math.min(Math.max(min, MIN_DELAY_S), max);
    }
    connect();
    recogniser = new Recognition();
    recogniser.lang = 'ru-RU';
    recogniser.continuous = true;
    recogniser.interimResults = true;
    recogniser.onresult = heard;
    recogniser.onerror = ({ error }) => {
      if (HARMLESS.has(error)) return;
      fault = error;
      stop();
    };
    // Browsers end by themselves after a silence; whoever has not switched it off wants it on.
    recogniser.onend = () => {
      if (listening) setTimeout(() => listening && recogniser.start(), 250);
    };
    recogniser.start();
    draw();
  }

  function stop() {
    listening = false;
    recogniser?.stop();
    draw();
  }

  function drawWhy() {
    const key = reason ?? (fault === null ? null : (FAULTS[fault] ?? 'failed'));
    const gone = listening && call !== null && !call.open;
    why.hidden = key === null && !gone;
    why.classList.toggle('danger', key !== null && reason === null);
    replace(why, key !== null ? t(key, { code: fault }) : gone ? t('waiting_server') : '');
  }

  function drawLive() {
    const text = textNow();
    live.classList.toggle('note', !text);
    replace(live, text || t('nothing'));
  }

  function drawTurns() {
    replace(
      log,
      turns.map(({ text, silenceS }) =>
        el('li', {}, el('span', { lang: 'ru' }, text), ' ', el('span', { class: 'note' }, t('turn', { seconds: t.seconds(silenceS) }))),
      ),
    );
    if (turns.length === 0) replace(log, el('li', { class: 'note' }, t('no_turns')));
    drawLive();
  }

  function draw() {
    replace(intro, t('intro'));
    replace(privacy, t('privacy'));
    replace(lag, t('lag', { seconds: t.seconds(minDelayS, 1) }));
    replace(lineLabel, t('line'));
    replace(button, el('span', { class: 'icon-mic', 'aria-hidden': 'true' }), t(listening ? 'stop_mic' : 'start'));
    button.setAttribute('aria-pressed', String(listening));
    replace(liveTitle, t('live'));
    replace(turnsTitle, t('turns'));
    drawWhy();
    drawTurns();
  }

  line.addEventListener('change', () => {
    if (call?.open && !textNow()) call.send({ type: 'agent_turn', text: line.value });
  });
  onLanguage(draw);
  draw();
  return { hide: () => listening && stop() };
}
