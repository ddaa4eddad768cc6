/** Where a dialogue comes from: the demos, a box to paste into, a file. What somebody wrote is never lost. */

import { DialogueError, MAX_CHARS, MAX_DIALOGUES, MAX_WORDS } from './dialogue.js';
import { el, replace } from './dom.js';
import { phrases } from './phrases.js';
import { session } from './session.js';

const SAMPLES = {
  labelled: 'бот: На какой день вас записать?\nклиент: ну… давайте на среду, а нет, на четверг\n'
    + 'бот: Утром или вечером?\nклиент: вечером',
  messages: '{"messages": [\n  {"role": "assistant", "content": "Ваш телефон?"},\n'
    + '  {"role": "user", "content": "восемь девятьсот пять, сто двадцать"}\n]}',
  lines: '{"messages": [{"role": "agent", "content": "Алло?"}, {"role": "client", "content": "да, я по объявлению"}]}\n'
    + '{"conversation": "— Вы ещё работаете?\\n— Да, до восьми. А что вы хотели?"}',
  words: '{"messages": [\n  {"role": "agent", "words": [{"text": "Слушаю", "start": 0.2, "end": 0.7}]},\n  {"role": "client", "words": [\n'
    + '    {"text": "мне", "start": 1.3, "end": 1.5}, {"text": "бы", "start": 1.5, "end": 1.7},\n'
    + '    {"text": "столик", "start": 2.6, "end": 3.1}]}\n]}',
};

/** @returns `{node, refresh}` */
export function sourceCard({ api, t }) {
  const { say, name, refresh: refreshTexts } = phrases(t);
  let fault = null; // () => text
  let told = null;
  let before = null; // the text that a file or sample took the place of
  let working = null; // AbortController of the load under way

  const choice = el('select', { class: 'control', id: 'replay-choice', onchange: chosen });
  const box = el('textarea', {
    class: 'control replay-box', id: 'replay-box', rows: 4, spellcheck: 'false', placeholder: 'бот: …\nклиент: …',
    'aria-describedby': 'replay-hint replay-fault', oninput: () => showFault(null),
  });
  const alert = el('p', { class: 'message danger', id: 'replay-fault', role: 'alert', hidden: true });
  const status = el('p', { class: 'note', role: 'status' });
  const facts = el('p', { class: 'note replay-facts' });
  const file = el('input', {
    type: 'file', class: 'visually-hidden', id: 'replay-file', onchange: picked,
    accept: '.json,.jsonl,.txt,application/json,text/plain',
  });
  const loading = el('button', { class: 'button primary', type: 'button', onclick: load }, say('load'));
  const back = el('button', { class: 'button quiet', type: 'button', hidden: true, onclick: restore }, say('restore'));
  const dropped = el('div', { class: 'field replay-drop', ondragover: drag, ondragleave: drag, ondrop: drop },
    el('label', { for: 'replay-box' }, say('own')),
    el('p', { class: 'note', id: 'replay-hint' }, say('own_hint')), box);
  const samples = el('details', {},
    el('summary', {}, say('formats')),
    el('p', { class: 'note' }, say('formats_note', { dialogues: MAX_DIALOGUES, words: MAX_WORDS })),
    Object.entries(SAMPLES).map(([key, text]) => el('div', { class: 'stack replay-sample' },
      el('h3', {}, say(`format_${key}`)),
      name(el('pre', { tabindex: 0, role: 'region' }, text), 'aria-label', `format_${key}`),
      el('div', {}, el('button', { class: 'button', type: 'button', 'data-sample': key, onclick: () => put(text) }, say('use_sample'))))));
  const node = el('section', { class: 'card stack' },
    el('div', { class: 'split' },
      el('div', { class: 'stack' },
        el('div', { class: 'field' }, el('label', { for: 'replay-choice' }, say('choice')), choice), facts, samples),
      el('div', { class: 'stack' }, dropped, alert,
        el('div', { class: 'row' }, loading, el('label', { class: 'button', for: 'replay-file' }, say('file')), file, back), status)));

  function chosen() {
    const [set, index] = choice.value.split(' ');
    session.choose(set, Number(index));
  }

  function showFault(text) {
    fault = text;
    alert.hidden = text === null;
    alert.textContent = text === null ? '' : text();
    box.setAttribute('aria-invalid', String(text !== null));
  }

  function put(text) {
    if (box.value.trim() && box.value !== text && !Object.values(SAMPLES).includes(box.value)) before = box.value;
    back.hidden = before === null;
    box.value = text;
    showFault(null);
    box.focus();
  }

  function restore() {
    [box.value, before] = [before, null];
    back.hidden = true;
    showFault(null);
    box.focus();
  }

  async function load() {
    working?.abort();
    const mine = (working = new AbortController());
    showFault(null);
    tell(null);
    try {
      const onProgress = (done, total) => tell(() => t('judging', { done, total }));
      const nLeftOut = await session.load(box.value, api, { signal: mine.signal, onProgress });
      tell(() => t(nLeftOut ? 'loaded_part' : 'loaded', { n: session.sets.own.length, left: nLeftOut }));
    } catch (error) {
      if (mine.signal.aborted) return;
      tell(null);
      if (error instanceof DialogueError) showFault(() => describe(error, t));
      else if ('status' in error) showFault(() => t('api_fault', { message: error.message }));
      else throw error;
      box.focus();
    }
  }

  function tell(text) {
    told = text;
    status.textContent = text === null ? '' : text();
  }

  async function take(chosenFile) {
    if (!chosenFile) return;
    if (chosenFile.size > 4 * MAX_CHARS) return showFault(() => t('fault_tooLong', { words: MAX_WORDS }));
    try {
      put(new TextDecoder('utf-8', { fatal: true }).decode(await chosenFile.arrayBuffer()));
    } catch {
      return showFault(() => t('fault_encoding'));
    }
    await load();
  }

  function picked() {
    const [chosenFile] = file.files;
    file.value = ''; // the same file may be chosen again after it was mended
    return take(chosenFile);
  }

  function drag(event) {
    if (!event.dataTransfer.types.includes('Files')) return;
    event.preventDefault();
    dropped.classList.toggle('replay-over', event.type === 'dragover');
  }

  function drop(event) {
    if (!event.dataTransfer.files.length) return; // dropped text goes into the box by itself
    event.preventDefault();
    dropped.classList.remove('replay-over');
    take(event.dataTransfer.files[0]);
  }

  function refresh() {
    refreshTexts();
    if (fault) alert.textContent = fault();
    if (told) status.textContent = told();
    const option = (set, dialogue, index) => el('option', {
      value: `${set} ${index}`, selected: session.shown.set === set && session.shown.index === index,
    }, dialogue.title?.[t.lang] ?? t('own_name', { n: index + 1, text: opening(dialogue) }));
    replace(choice, Object.entries(session.sets).filter(([, dialogues]) => dialogues.length)
      .map(([set, dialogues]) => el('optgroup', { label: t(`set_${set}`) }, dialogues.map((one, index) => option(set, one, index)))));
    facts.textContent = session.dialogue === null ? '' : factsOf(session.dialogue, session.shown.set, t);
  }

  return { node, refresh };
}

function opening(dialogue) {
  const text = dialogue.turns[0].words.map((word) => word.text).join(' ');
  return text.length > 32 ? `${text.slice(0, 30)}…` : text;
}

/** What there is to know before the figures are believed. */
function factsOf(dialogue, set, t) {
  const kinds = dialogue.moments.filter(({ isPause }) => isPause).length;
  const ends = dialogue.moments.filter(({ isEnd }) => isEnd).length;
  const facts = [t('counts', { pauses: kinds, ends })];
  facts.push(t(set === 'demo' ? 'times_demo' : `times_${dialogue.madeUp}`));
  if (dialogue.rolesAreGuessed) facts.push(t('roles_guessed'));
  return facts.join(' ');
}

/** What is wrong, where, and what is expected. */
function describe(error, t) {
  const places = Object.entries(error.place).filter(([, number]) => number !== null && number !== undefined);
  const place = places.map(([kind, number]) => t(`place_${kind}`, { n: number })).join(', ');
  const text = t(`fault_${error.code}`, { words: MAX_WORDS });
  const whole = place ? `${place}: ${text}` : text;
  return whole.charAt(0).toUpperCase() + whole.slice(1);
}
