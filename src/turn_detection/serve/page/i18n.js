// Languages: every module brings a dictionary {ru: {...}, en: {...}} with the same keys; here are the words that all of them share.

import { kept } from './dom.js';

export const LANGUAGES = ['ru', 'en'];
const KEY = 'turn-detection.language';
const listeners = new Set();
let lang = LANGUAGES.includes(document.documentElement.lang) ? document.documentElement.lang : 'ru';

const common = {
  ru: {
    speak: 'говорить',
    wait: 'ждать',
    bot: 'Бот',
    caller: 'Абонент',
    probability: 'Вероятность конца реплики',
    delay: 'Пауза до ответа',
    threshold: 'Порог',
    seconds_short: 'с',
    reset: 'Сбросить',
    play: 'Проиграть',
    pause: 'Пауза',
    stop: 'Остановить',
    example: 'Пример',
    error: 'Ошибка',
    download: 'Скачать',
  },
  en: {
    speak: 'speak',
    wait: 'wait',
    bot: 'Bot',
    caller: 'Caller',
    probability: 'Probability of end of turn',
    delay: 'Silence before the answer',
    threshold: 'Threshold',
    seconds_short: 's',
    reset: 'Reset',
    play: 'Play',
    pause: 'Pause',
    stop: 'Stop',
    example: 'Example',
    error: 'Error',
    download: 'Download',
  },
};

/** 'ru' or 'en'. */
export const language = () => lang;

export function setLanguage(next) {
  if (!LANGUAGES.includes(next) || next === lang) return;
  lang = next;
  document.documentElement.lang = next;
  kept.set(() => localStorage, KEY, next);
  for (const listener of listeners) listener(next);
}

/** Called after every switch; returns what ends that. */
export function onLanguage(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The function t of a module: t('key', {n: 3}), and numbers as the language writes them. */
export function translator(dictionary = {}) {
  const t = (key, values = {}) => {
    const text = dictionary[lang]?.[key] ?? common[lang][key] ?? key;
    return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
  };
  t.number = (x, digits = 2) =>
    new Intl.NumberFormat(lang, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(x);
  t.seconds = (x, digits = 2) => `${t.number(x, digits)}\u00a0${common[lang].seconds_short}`;
  // Never a certainty that the model did not state: 99.7 % is not rounded to 100 %.
  t.percent = (p) => {
    const shown = p > 0 && p < 1 ? Math.min(Math.max(Math.round(p * 100), 1), 99) : Math.round(p * 100);
    return lang === 'ru' ? `${shown}\u00a0%` : `${shown}%`;
  };
  Object.defineProperty(t, 'lang', { get: () => lang });
  return t;
}
