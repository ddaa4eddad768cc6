// The shell: tabs and their addresses, language, theme, the state of the server, the token.

import { createApi } from './api.js';
import { kept, replace } from './dom.js';
import { language, onLanguage, setLanguage, translator } from './i18n.js';
import * as tryTab from './try.js';

const dictionary = {
  ru: {
    title: 'Чья очередь говорить? — turn detection',
    heading: 'Чья очередь говорить?',
    skip: 'К содержанию',
    tabs: 'Разделы',
    language: 'Язык страницы',
    dark: 'Тёмная тема',
    try: 'Попробовать',
    speak_tab: 'Сказать голосом',
    replay: 'Проиграть диалог',
    tune: 'Настроить',
    model: 'Модель {name}, версия {version}',
    online: 'Сервер на связи',
    connecting: 'Подключаюсь…',
    gone: 'Сервер недоступен',
    back: 'Сервер снова на связи',
    busy: 'Сервер не принимает звонки',
    token_status: 'Нужен токен',
    gone_long: 'Сервер не отвечает. Страница подключится сама, как только он вернётся.',
    foot: 'Слова уходят только на этот сервер и нигде не сохраняются.',
    failed: 'Раздел не загрузился: {reason}. Обновите страницу.',
    token_title: 'Сервер просит токен',
    token_text: 'Его знает тот, кто запустил сервер. Токен хранится, пока открыта эта вкладка браузера.',
    token_wrong: 'Этот токен не подошёл.',
    token: 'Токен',
    token_go: 'Войти',
  },
  en: {
    title: 'Whose turn is it? — turn detection',
    heading: 'Whose turn is it?',
    skip: 'Skip to content',
    tabs: 'Sections',
    language: 'Language of the page',
    dark: 'Dark theme',
    try: 'Try',
    speak_tab: 'Speak',
    replay: 'Replay',
    tune: 'Tune',
    model: 'Model {name}, version {version}',
    online: 'Server connected',
    connecting: 'Connecting…',
    gone: 'Server gone',
    back: 'Server is back',
    busy: 'The server takes no calls',
    token_status: 'Token needed',
    gone_long: 'The server does not answer. The page connects by itself as soon as it is back.',
    foot: 'Words go to this server only and are kept nowhere.',
    failed: 'This section could not be loaded: {reason}. Reload the page.',
    token_title: 'The server wants a token',
    token_text: 'Whoever started the server knows it. It is kept as long as this browser tab is open.',
    token_wrong: 'This token was refused.',
    token: 'Token',
    token_go: 'Go on',
  },
};
const t = translator(dictionary);
const byId = (id) => document.getElementById(id);
/** How long "back" stays before it becomes "connected". */
const BACK_MS = 4000;

// --- token

/** Ask until something is entered; the server says whether it is the right one. */
function askToken(wasWrong) {
  const dialog = byId('token-dialog');
  const input = byId('token');
  byId('token-wrong').hidden = !wasWrong;
  input.value = '';
  dialog.showModal();
  input.focus();
  return new Promise((resolve) => {
    const entered = (event) => {
      event.preventDefault();
      const token = input.value.trim();
      if (!token) return;
      byId('token-form').removeEventListener('submit', entered);
      input.value = '';
      dialog.close();
      resolve(token);
    };
    byId('token-form').addEventListener('submit', entered);
  });
}
byId('token-dialog').addEventListener('cancel', (event) => event.preventDefault());

const api = createApi({ askToken });

// --- state of the server

let shown = 'connecting';
let backTimer = 0;
let settings = null;

function drawStatus() {
  byId('status').dataset.status = shown;
  replace(byId('status-text'), t(shown === 'token' ? 'token_status' : shown));
  byId('gone').hidden = shown !== 'gone';
  replace(byId('gone'), shown === 'gone' ? t('gone_long') : '');
}

function drawModel() {
  const { name, version } = settings?.model ?? {};
  replace(byId('model'), name === undefined ? '\u00a0' : t('model', { name, version }));
}

async function readSettings() {
  settings = await api.settings().catch(() => settings);
  drawModel();
}

let wasGone = false;
api.onStatus((status) => {
  clearTimeout(backTimer);
  if (status === 'gone') wasGone = true;
  shown = status === 'online' && wasGone ? 'back' : status;
  if (status === 'online') {
    wasGone = false;
    readSettings();
    if (shown === 'back') {
      backTimer = setTimeout(() => {
        shown = 'online';
        drawStatus();
      }, BACK_MS);
    }
  }
  drawStatus();
});

// --- tabs: one address each, arrows between them (WAI-ARIA, tabs with automatic activation)

const loaders = {
  try: async () => tryTab,
  speak: () => import('./speak.js'),
  replay: () => import('./replay.js'),
  tune: () => import('./tune.js'),
};
const tabs = [...document.querySelectorAll('[role=tab]')];
const mounted = {};
let current = null;

async function mountTab(name) {
  const panel = byId(`panel-${name}`);
  const root = document.createElement('div');
  panel.replaceChildren(root);
  try {
    const module = await loaders[name]();
    return module.mount(root, { api, t: translator(module.dictionary), onLanguage }) ?? {};
  } catch (error) {
    delete mounted[name];
    const message = document.createElement('p');
    message.className = 'message danger';
    message.textContent = t('failed', { reason: error.message });
    panel.replaceChildren(message);
    return {};
  }
}

function select(name) {
  if (name === current) return;
  const left = current;
  current = name;
  for (const tab of tabs) {
    const chosen = tab.dataset.tab === name;
    tab.setAttribute('aria-selected', String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
    byId(`panel-${tab.dataset.tab}`).hidden = !chosen;
  }
  if (left !== null) mounted[left]?.then((tab) => tab.hide?.());
  if (name in mounted) mounted[name].then((tab) => current === name && tab.show?.());
  else mounted[name] = mountTab(name);
}

const nameOfAddress = () => {
  const name = location.hash.slice(1);
  return name in loaders ? name : 'try';
};

function go(tab) {
  tab.focus();
  location.hash = tab.dataset.tab;
}

for (const [place, tab] of tabs.entries()) {
  tab.addEventListener('click', () => go(tab));
  tab.addEventListener('keydown', (event) => {
    const to = { ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    go(tabs.at(to % tabs.length));
  });
}
addEventListener('hashchange', () => {
  // The link over the content jumps to it; it is no tab.
  if (location.hash !== '#panels') select(nameOfAddress());
});

// --- language and theme

function draw() {
  document.title = t('title');
  for (const node of document.querySelectorAll('[data-t]')) node.textContent = t(node.dataset.t);
  for (const node of document.querySelectorAll('[data-t-label]')) node.setAttribute('aria-label', t(node.dataset.tLabel));
  for (const button of document.querySelectorAll('[data-language]')) {
    button.setAttribute('aria-pressed', String(button.dataset.language === language()));
  }
  drawStatus();
  drawModel();
}
for (const button of document.querySelectorAll('[data-language]')) {
  button.addEventListener('click', () => setLanguage(button.dataset.language));
}
onLanguage(draw);

const root = document.documentElement;

function setTheme(theme) {
  root.dataset.theme = theme;
  byId('theme').setAttribute('aria-pressed', String(theme === 'dark'));
  document.dispatchEvent(new CustomEvent('themechange', { detail: theme }));
}
byId('theme').addEventListener('click', () => {
  const next = root.dataset.theme === 'dark' ? 'light' : 'dark';
  kept.set(() => localStorage, 'turn-detection.theme', next);
  setTheme(next);
});
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', (event) => {
  if (kept.get(() => localStorage, 'turn-detection.theme') === null) setTheme(event.matches ? 'dark' : 'light');
});

setTheme(root.dataset.theme);
draw();
select(nameOfAddress());
readSettings();
