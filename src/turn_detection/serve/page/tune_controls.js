/** The settings of a policy as sliders. */

import { el } from './dom.js';
import { phrases } from './phrases.js';

/** Ranges of the sliders; a setting of the server may lie outside and stays as it is until its slider is moved. */
const SLIDERS = [
  { key: 'threshold', min: 0.01, max: 0.99, step: 0.01 },
  { key: 'min_delay_s', min: 0.1, max: 1.5, step: 0.05 },
  { key: 'max_delay_s', min: 0.5, max: 5, step: 0.1 },
  { key: 'gamma', min: 0.1, max: 3, step: 0.05 },
];

/** @returns `{node, show(policy), refresh()}`; `onChange(policy)` is called for every movement. */
export function policyControls({ t, onChange }) {
  const { say, refresh: refreshTexts } = phrases(t);
  let policy = null;

  const rows = SLIDERS.map(({ key, min, max, step }) => {
    const input = el('input', {
      type: 'range', class: 'slider', id: `tune-${key}`, min, max, step, 'aria-describedby': `tune-${key}-note`,
      oninput: () => move(key, Math.round(Number(input.value) * 100) / 100),
    });
    const value = el('output', { for: `tune-${key}`, class: 'tune-value' });
    const node = el('div', { class: 'field' },
      el('div', { class: 'row tune-head' }, el('label', { for: `tune-${key}`, class: 'grow' }, say(`set_${key}`)), value), input,
      el('p', { class: 'note', id: `tune-${key}-note` }, say(`about_${key}`)));
    return { key, input, value, node };
  });
  const modes = ['continuous', 'binary'].map((mode) => el('input', {
    type: 'radio', name: 'tune-mode', id: `tune-${mode}`, value: mode, onchange: () => change({ ...policy, mode }),
  }));
  const node = el('div', { class: 'stack' },
    el('fieldset', { class: 'tune-modes' }, el('legend', {}, say('set_mode')),
      modes.map((input) => el('label', { class: 'choice', for: input.id }, input, el('span', {}, say(`mode_${input.value}`))))),
    rows.map((row) => row.node));

  /** The two delays push each other along: the shorter one is never the longer one. */
  function move(key, value) {
    const next = { ...policy, [key]: value };
    if (key === 'min_delay_s') next.max_delay_s = Math.max(next.max_delay_s, value);
    if (key === 'max_delay_s') next.min_delay_s = Math.min(next.min_delay_s, value);
    change(next);
  }

  function change(next) {
    show(next);
    onChange(next);
  }

  function show(next) {
    policy = next;
    for (const input of modes) input.checked = input.value === policy.mode;
    for (const { key, input, value, node: row } of rows) {
      input.value = policy[key];
      value.textContent = key.endsWith('_s') ? t.seconds(policy[key]) : t.number(policy[key], 2);
      input.setAttribute('aria-valuetext', value.textContent);
      row.hidden = key === 'gamma' && policy.mode === 'binary';
    }
  }

  return {
    node, show,
    refresh() {
      refreshTexts();
      if (policy) show(policy);
    },
  };
}
