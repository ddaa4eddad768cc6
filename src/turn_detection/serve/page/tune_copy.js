/** The settings as text to take away. */

import { TARGETS, settingsFor } from './copy_settings.js';
import { el, replace } from './dom.js';
import { saveAs } from './export.js';
import { phrases } from './phrases.js';

const NAMES = { serve: null, livekit: 'LiveKit Agents', pipecat: 'Pipecat' };

/** @returns `{node, show(policy), refresh()}` */
export function copyCard({ t }) {
  const { say, name, refresh: refreshTexts } = phrases(t);
  let target = 'serve';
  let policy = null;

  const told = el('p', { class: 'note', role: 'status' });
  const blocks = el('div', { class: 'stack' });
  const buttons = TARGETS.map((one) => el('button', {
    class: 'button', type: 'button', 'data-target': one, onclick: () => { target = one; draw(); },
  }, NAMES[one] ?? say('target_serve')));
  const node = el('section', { class: 'card stack' }, el('h2', {}, say('copy_title')),
    name(el('div', { class: 'row', role: 'group' }, buttons), 'aria-label', 'copy_title'), blocks, told);

  function draw() {
    for (const button of buttons) button.setAttribute('aria-pressed', String(button.dataset.target === target));
    told.textContent = '';
    if (policy === null) return;
    replace(blocks, settingsFor(target, policy).map(({ id, text, file }) => {
      const code = el('pre', { class: 'tune-code', tabindex: 0, role: 'region', 'aria-label': t(`block_${id}`), 'data-block': id }, text);
      return el('div', { class: 'stack tune-block' },
        el('div', { class: 'row' }, el('h3', { class: 'grow' }, t(`block_${id}`)),
          el('button', { class: 'button', type: 'button', onclick: () => copy(code, text) }, t('copy')),
          file ? el('button', { class: 'button', type: 'button', onclick: () => saveAs(new Blob([text]), file) }, t('download')) : null),
        code);
    }));
  }

  async function copy(code, text) {
    try {
      await navigator.clipboard.writeText(text);
      told.textContent = t('copied');
    } catch {
      // Without HTTPS, or without leave, browsers keep the clipboard to themselves; the marked text can be copied by hand.
      getSelection().selectAllChildren(code);
      code.focus();
      told.textContent = t('copy_yourself');
    }
  }

  return {
    node,
    show(next) {
      policy = next;
      draw();
    },
    refresh() {
      refreshTexts();
      draw();
    },
  };
}
